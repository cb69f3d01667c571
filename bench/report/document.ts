import type { LoadResult } from '../contract.js';
import type { ServerFigures } from '../targets/server-figures.js';

/** What people compare: computed from one LoadResult. Milliseconds; shares are of the calls offered. */
export interface Figures {
  /** Calls that were meant to start, per second. */
  readonly offeredPerS: number;
  /** Answered OK, right and in time, per second. */
  readonly okPerS: number;
  readonly rowsPerS: number;
  /** Answered OK, right and in time / offered; null when nothing was offered. */
  readonly goodput: number | null;
  /** Everything else / offered. */
  readonly errors: number | null;
  readonly late: number | null;
  readonly refused: number | null;
  readonly failed: number | null;
  readonly wrong: number | null;
  readonly unanswered: number | null;
  /** Of OK answers, from the intended start; null when there was none. */
  readonly meanMs: number | null;
  readonly minMs: number | null;
  readonly p50Ms: number | null;
  readonly p90Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
  readonly p999Ms: number | null;
  readonly maxMs: number | null;
  /** How late the generator itself was. */
  readonly latenessP99Ms: number;
  /** CPU of the busiest generator process / wall time. */
  readonly busy: number;
}

/** One measurement of a report. */
export interface Measurement {
  /** Names the load; measurements of two reports with the same step are compared. */
  readonly step: string;
  /** From 0. */
  readonly repetition: number;
  /** Which server, when two were measured in turn. */
  readonly side: 'main' | 'against';
  readonly startedAt: string;
  readonly figures: Figures;
  readonly server: ServerFigures | null;
  readonly result: LoadResult;
}

/** One step of a search. */
export interface SearchStep {
  readonly ratePerS: number;
  readonly verdict: 'met' | 'missed' | 'too-few' | 'void';
  readonly under: number;
  readonly over: number;
  /** The percentile as it was; of OK answers, null when there was none. */
  readonly percentileMs: number | null;
}

/** What a search for the highest rate found. */
export interface SearchOutcome {
  readonly percentile: number;
  readonly boundMs: number;
  /** The highest rate shown to meet the bound; null when none was. */
  readonly maxRatePerS: number | null;
  /** The lowest rate that did not; null when none failed. */
  readonly failedRatePerS: number | null;
  /** Why the search ended, for people. */
  readonly ended: string;
  /** The generator, not the server, may have been the limit. */
  readonly limitedByGenerator: boolean;
  readonly steps: readonly SearchStep[];
}

/** What is sent, for people and for whoever runs it again. */
export interface TemplateNote {
  readonly name: string;
  readonly rows: number;
  readonly weight: number;
  readonly bodies: number;
  /** Of the first body. */
  readonly bodyBytes: number;
}

/** The machine that generated the load. */
export interface MachineNote {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
}

export const REPORT_FORMAT = 'sluice-bench/1';

/** A whole report: what `--json` writes and `--compare` reads. */
export interface BenchReport {
  readonly format: typeof REPORT_FORMAT;
  readonly startedAt: string;
  /** As typed, without the program's name; values of `--header` left out. */
  readonly command: string;
  readonly machine: MachineNote;
  readonly address: string;
  readonly against: string | null;
  /** Name and version of the server, where it says them. */
  readonly server: string | null;
  readonly service: string;
  readonly templates: readonly TemplateNote[];
  readonly settings: Readonly<Record<string, string | number | boolean>>;
  readonly measurements: readonly Measurement[];
  readonly search: SearchOutcome | null;
  /** What may make the figures less worth: ended early, metrics that could not be read. */
  readonly warnings: readonly string[];
}

/** Measurements that say more about the generator than about the server. */
export function voidMeasurements(report: Pick<BenchReport, 'measurements'>): readonly Measurement[] {
  return report.measurements.filter(({ result }) => result.void !== undefined);
}

/** Names a measurement among all of its report. */
export function measurementName({ step, side, repetition }: Measurement): string {
  const server = side === 'against' ? ' (against)' : '';
  return `${step}${server}${repetition === 0 ? '' : `, repetition ${repetition + 1}`}`;
}
