import type { Reason } from '../core/error.js';
import type { InferTiming } from '../core/infer-call.js';
import type { RecordedRun } from '../core/recorder.js';
import type { DurationSum, VersionStatistics } from '../core/statistics.js';

/** Most batch sizes told apart; runs of further sizes are part of the sums only. */
const MAX_BATCH_SIZES = 1024;

/** Places in the cells. */
const AT = {
  rows: 0,
  runs: 1,
  successCount: 2,
  successMs: 3,
  failCount: 4,
  failMs: 5,
  queueMs: 6,
  computeMs: 7,
  inputMs: 8,
  outputMs: 9,
} as const;

/** Adds up what one model version does: preallocated cells, so that adding makes no garbage. */
export class VersionCounters {
  readonly #cells = new Float64Array(Object.keys(AT).length);
  /** By rows: runs, and their milliseconds of input, compute and output. */
  readonly #batches = new Map<number, Float64Array>();
  readonly #failures = new Map<Reason, number>();
  #lastInferenceMs = 0;

  answered(totalMs: number, { queueMs, computeMs, inputMs = 0, outputMs = 0 }: InferTiming): void {
    this.#add(AT.successCount, 1);
    this.#add(AT.successMs, totalMs);
    this.#add(AT.queueMs, queueMs);
    this.#add(AT.computeMs, computeMs);
    this.#add(AT.inputMs, inputMs);
    this.#add(AT.outputMs, outputMs);
  }

  failed(totalMs: number): void {
    this.#add(AT.failCount, 1);
    this.#add(AT.failMs, totalMs);
  }

  failedFor(reason: Reason): void {
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
  }

  /** Of those that have failed, by why. */
  get failures(): ReadonlyMap<Reason, number> {
    return this.#failures;
  }

  ran({ rows, inputMs, computeMs, outputMs }: RecordedRun, epochMs: number): void {
    this.#add(AT.rows, rows);
    this.#add(AT.runs, 1);
    // A wall clock may be set back; what was said once stays said.
    this.#lastInferenceMs = Math.max(this.#lastInferenceMs, epochMs);
    let batch = this.#batches.get(rows);
    if (batch === undefined) {
      if (this.#batches.size >= MAX_BATCH_SIZES) return;
      batch = new Float64Array(4);
      this.#batches.set(rows, batch);
    }
    batch[0] = (batch[0] as number) + 1;
    batch[1] = (batch[1] as number) + amount(inputMs);
    batch[2] = (batch[2] as number) + amount(computeMs);
    batch[3] = (batch[3] as number) + amount(outputMs);
  }

  read(): VersionStatistics {
    const answered = this.#at(AT.successCount);
    const sum = (count: number, ms: number): DurationSum => ({ count, ms: this.#at(ms) });
    return {
      lastInferenceMs: this.#lastInferenceMs,
      inferences: this.#at(AT.rows),
      executions: this.#at(AT.runs),
      success: sum(answered, AT.successMs),
      fail: sum(this.#at(AT.failCount), AT.failMs),
      queue: sum(answered, AT.queueMs),
      input: sum(answered, AT.inputMs),
      compute: sum(answered, AT.computeMs),
      output: sum(answered, AT.outputMs),
      batches: [...this.#batches]
        .sort(([a], [b]) => a - b)
        .map(([rows, [count = 0, inputMs = 0, computeMs = 0, outputMs = 0]]) => ({
          rows,
          input: { count, ms: inputMs },
          compute: { count, ms: computeMs },
          output: { count, ms: outputMs },
        })),
    };
  }

  #at(place: number): number {
    return this.#cells[place] as number;
  }

  #add(place: number, value: number): void {
    this.#cells[place] = this.#at(place) + amount(value);
  }
}

/** Two threads' clocks may differ by a hair, and one NaN would spoil a sum for good. */
function amount(value: number): number {
  return Number.isFinite(value) ? Math.max(value, 0) : 0;
}
