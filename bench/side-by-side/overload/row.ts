import type { LoadResult } from '../../contract.js';
import { LatencyCounts } from '../../latency-counts.js';
import { median } from '../statistics.js';

/** What came of one load. Rates are calls a second of the measurement. */
export interface OverloadRow {
  /** Load / capacity. */
  readonly factor: number;
  readonly offeredPerS: number;
  /** OK by the client's own clock and deadline. */
  readonly goodputPerS: number;
  /** DEADLINE_EXCEEDED, or OK too late. */
  readonly latePerS: number;
  readonly refusedPerS: number;
  /** Failed or never answered: none, if all is well. */
  readonly otherPerS: number;
  /** Of what was answered OK; NaN where nothing was. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** Mean rows of a batch. */
  readonly batchRows: number;
  /** Share of the rows that ran for an answer that nobody took any more. */
  readonly wasted: number;
  /** CPU milliseconds a second that the server's main thread took. */
  readonly frontMsPerS: number;
  /** The same of the generator. */
  readonly generatorMsPerS: number;
  /** Why the figures say more about the generator than about the server. */
  readonly void?: string;
}

/** What the server counted while a load ran, its warm-up included. */
export interface ServerCounts {
  /** Calls that it answered OK. */
  readonly ok: number;
  /** Rows of batches that ran. */
  readonly rowsRun: number;
  readonly batches: number;
  /** CPU time of its main thread. */
  readonly frontMs: number;
}

export interface RowOptions {
  readonly factor: number;
  readonly result: LoadResult;
  readonly server: ServerCounts;
  /** Of one call. */
  readonly rowsPerCall: number;
  readonly warmupMs: number;
}

/** One row of the table. */
export function overloadRow({ factor, result, server, rowsPerCall, warmupMs }: RowOptions): OverloadRow {
  const { counts, durationMs } = result;
  const perS = (calls: number): number => (calls * 1e3) / durationMs;
  const latency = LatencyCounts.from(result.latency);
  const percentile = (q: number): number => (latency.count === 0 ? Number.NaN : latency.quantile(q));
  return {
    factor,
    offeredPerS: perS(counts.offered),
    goodputPerS: perS(counts.ok),
    latePerS: perS(counts.late),
    refusedPerS: perS(counts.refused),
    otherPerS: perS(counts.failed + counts.wrong + counts.unanswered),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    p999Ms: percentile(0.999),
    batchRows: server.rowsRun / server.batches,
    wasted: wastedShare(result, server, rowsPerCall),
    frontMsPerS: (server.frontMs * 1e3) / (warmupMs + durationMs),
    generatorMsPerS: result.busy * 1e3,
    ...(result.void !== undefined && { void: result.void }),
  };
}

/**
 * Rows that ran and came to no answer that the client took in time. The server knows which calls it answered OK; of these
 * some reach the client too late, and only the client knows how many.
 */
function wastedShare({ counts }: LoadResult, { ok, rowsRun }: ServerCounts, rowsPerCall: number): number {
  const answered = counts.byStatus['OK'] ?? 0;
  const inTime = answered === 0 ? 0 : counts.ok / answered;
  return rowsRun === 0 ? 0 : Math.max(0, 1 - (ok * rowsPerCall * inTime) / rowsRun);
}

/** Each figure's median over repetitions of the same load; void when one of them is. At least one row. */
export function medianRow(rows: readonly OverloadRow[]): OverloadRow {
  const first = rows[0] as OverloadRow;
  const keys = (Object.keys(first) as (keyof OverloadRow)[]).filter((key) => key !== 'void');
  const middle = keys.map((key) => [key, median(rows.map((row) => row[key] as number))] as const);
  const bad = rows.find((row) => row.void !== undefined)?.void;
  return { ...first, ...Object.fromEntries(middle), ...(bad !== undefined && { void: bad }) };
}
