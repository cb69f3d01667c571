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
} as const;

/** Adds up what one model version does: preallocated cells, so that adding makes no garbage. */
export class VersionCounters {
  readonly #cells = new Float64Array(Object.keys(AT).length);
  /** Runs and their milliseconds, by rows. */
  readonly #batches = new Map<number, Float64Array>();
  #lastInferenceMs = 0;

  answered(totalMs: number, queueMs: number, computeMs: number): void {
    this.#add(AT.successCount, 1);
    this.#add(AT.successMs, totalMs);
    this.#add(AT.queueMs, queueMs);
    this.#add(AT.computeMs, computeMs);
  }

  failed(totalMs: number): void {
    this.#add(AT.failCount, 1);
    this.#add(AT.failMs, totalMs);
  }

  ran(rows: number, computeMs: number, epochMs: number): void {
    this.#add(AT.rows, rows);
    this.#add(AT.runs, 1);
    // A wall clock may be set back; what was said once stays said.
    this.#lastInferenceMs = Math.max(this.#lastInferenceMs, epochMs);
    let batch = this.#batches.get(rows);
    if (batch === undefined) {
      if (this.#batches.size >= MAX_BATCH_SIZES) return;
      batch = new Float64Array(2);
      this.#batches.set(rows, batch);
    }
    batch[0] = (batch[0] as number) + 1;
    batch[1] = (batch[1] as number) + amount(computeMs);
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
      compute: sum(answered, AT.computeMs),
      batches: [...this.#batches]
        .sort(([a], [b]) => a - b)
        .map(([rows, [count = 0, ms = 0]]) => ({ rows, compute: { count, ms } })),
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
