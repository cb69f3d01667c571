import type { Counts, LatencyData } from './contract.js';
import { STATUS, STATUSES, statusName } from './http2/grpc-status.js';
import { LatencyCounts } from './latency-counts.js';

/** How a call counts. */
export type Outcome = 'ok' | 'late' | 'refused' | 'failed' | 'wrong';

/**
 * How an ended call counts.
 * @param status a gRPC code or STATUS.connection.
 * @param wrong the answer is not the expected one; says something only of an OK.
 * @param inTime it came before its deadline, or had none.
 */
export function outcomeOf(status: number, wrong: boolean, inTime: boolean): Outcome {
  switch (status) {
    case STATUS.ok:
      if (wrong) return 'wrong';
      return inTime ? 'ok' : 'late';
    case STATUS.deadlineExceeded:
      return 'late';
    case STATUS.unavailable:
    case STATUS.resourceExhausted:
      return 'refused';
    default:
      return 'failed';
  }
}

/** One call's end, as the recorder is told of it. */
export interface EndedCall {
  readonly templateIndex: number;
  readonly intendedMs: number;
  readonly deadlineAtMs: number;
  readonly status: number;
  readonly statusMessage: string;
  readonly wrong: string | undefined;
}

/** What one process counted for one template. */
export interface TemplatePart {
  readonly counts: Counts;
  readonly latency: LatencyData;
}

/** A slice of the timeline, still with its latencies. */
export interface SlicePart {
  readonly offered: number;
  readonly ok: number;
  readonly late: number;
  readonly refused: number;
  readonly failed: number;
  readonly latency: LatencyData;
}

/** What one process found; parts of several processes are merged in merge.ts. */
export interface RecorderPart {
  readonly templates: readonly TemplatePart[];
  readonly sliceMs: number;
  readonly slices: readonly SlicePart[];
  readonly lateness: LatencyData;
  readonly samples: readonly string[];
}

export interface RecorderOptions {
  readonly templates: readonly { readonly name: string }[];
  /** First instant of the measurement; calls meant to start before it are not counted. */
  readonly fromMs: number;
  /** Length of the measurement as planned. */
  readonly durationMs: number;
}

const SLICE_MS = 1000;
const MAX_SLICES = 600;
export const MAX_SAMPLES = 10;

/** Whole seconds, longer ones where the timeline would get too many slices. */
export function sliceLengthMs(durationMs: number): number {
  return SLICE_MS * Math.max(1, Math.ceil(durationMs / (MAX_SLICES * SLICE_MS)));
}

class Tally {
  offered = 0;
  readonly outcomes = { ok: 0, late: 0, refused: 0, failed: 0, wrong: 0 };
  readonly statuses = new Array<number>(STATUSES).fill(0);
  readonly latency = new LatencyCounts();

  toPart(): TemplatePart {
    const { ok, late, refused, failed, wrong } = this.outcomes;
    const unanswered = this.offered - ok - late - refused - failed - wrong;
    const byStatus: Record<string, number> = {};
    for (const [code, count] of this.statuses.entries()) if (count > 0) byStatus[statusName(code)] = count;
    return {
      counts: { offered: this.offered, ...this.outcomes, unanswered, byStatus },
      latency: this.latency.toData(),
    };
  }
}

/** Counts what becomes of the calls that were meant to start within the measurement. */
export class Recorder {
  readonly #options: RecorderOptions;
  readonly #tallies: readonly Tally[];
  readonly #slices: Tally[] = [];
  readonly #sliceMs: number;
  readonly #lateness = new LatencyCounts();
  readonly #samples = new Map<string, string>();
  #open = 0;
  #lastEndMs = 0;

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#tallies = options.templates.map(() => new Tally());
    this.#sliceMs = sliceLengthMs(options.durationMs);
  }

  /** Calls offered that have not ended. */
  get open(): number {
    return this.#open;
  }

  /** When the last of them ended; 0 before the first. */
  get lastEndMs(): number {
    return this.#lastEndMs;
  }

  /** A call was meant to start. */
  offered(templateIndex: number, intendedMs: number): void {
    if (intendedMs < this.#options.fromMs) return;
    this.#open++;
    (this.#tallies[templateIndex] as Tally).offered++;
    this.#slice(intendedMs).offered++;
  }

  /** The generator itself got round to a call so much after its intended start. */
  late(intendedMs: number, nowMs: number): void {
    if (intendedMs >= this.#options.fromMs) this.#lateness.record(nowMs - intendedMs);
  }

  /** A call that was offered has ended; returns how it counts, whether or not it belongs to the measurement. */
  ended(call: EndedCall, endMs: number): Outcome {
    const outcome = outcomeOf(call.status, call.wrong !== undefined, endMs <= call.deadlineAtMs);
    if (call.intendedMs < this.#options.fromMs) return outcome;
    this.#open--;
    this.#lastEndMs = Math.max(this.#lastEndMs, endMs);
    const tally = this.#tallies[call.templateIndex] as Tally;
    const slice = this.#slice(call.intendedMs);
    tally.outcomes[outcome]++;
    slice.outcomes[outcome]++;
    tally.statuses[call.status] = (tally.statuses[call.status] ?? 0) + 1;
    if (call.status === STATUS.ok && outcome !== 'wrong') {
      tally.latency.record(endMs - call.intendedMs);
      slice.latency.record(endMs - call.intendedMs);
    }
    if (outcome === 'wrong' || outcome === 'failed') this.#sample(call);
    return outcome;
  }

  /** Sums over all templates, cheap enough for a live view. */
  totals(): { offered: number; ok: number; late: number; refused: number; failed: number } {
    const sum = { offered: 0, ok: 0, late: 0, refused: 0, failed: 0 };
    for (const { offered, outcomes } of this.#tallies) {
      sum.offered += offered;
      sum.ok += outcomes.ok;
      sum.late += outcomes.late;
      sum.refused += outcomes.refused;
      sum.failed += outcomes.failed + outcomes.wrong;
    }
    return sum;
  }

  toPart(): RecorderPart {
    return {
      templates: this.#tallies.map((tally) => tally.toPart()),
      sliceMs: this.#sliceMs,
      slices: Array.from(this.#slices, (slice) => {
        const { counts, latency } = (slice ?? new Tally()).toPart();
        const { offered, ok, late, refused, failed, wrong } = counts;
        return { offered, ok, late, refused, failed: failed + wrong, latency };
      }),
      lateness: this.#lateness.toData(),
      samples: [...this.#samples.values()],
    };
  }

  #slice(intendedMs: number): Tally {
    const index = Math.min(MAX_SLICES - 1, Math.floor((intendedMs - this.#options.fromMs) / this.#sliceMs));
    this.#slices[index] ??= new Tally();
    return this.#slices[index];
  }

  /** One of each kind, so that a thousand failures of one do not hide another. */
  #sample(call: EndedCall): void {
    if (this.#samples.size >= MAX_SAMPLES) return;
    const { name } = this.#options.templates[call.templateIndex] as { name: string };
    const what = call.wrong === undefined ? `${statusName(call.status)}: ${call.statusMessage}` : call.wrong;
    const kind = `${name} ${call.wrong === undefined ? call.status : what.replace(/\d+/g, '')}`;
    if (!this.#samples.has(kind)) this.#samples.set(kind, `${name}: ${what.slice(0, 300)}`);
  }
}
