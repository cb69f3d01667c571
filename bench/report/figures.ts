import type { LoadResult } from '../contract.js';
import { LatencyCounts } from '../latency-counts.js';
import type { Figures } from './document.js';

/** Computes the figures of one measurement. */
export function figuresOf(result: LoadResult): Figures {
  const { counts } = result;
  const seconds = result.durationMs / 1000;
  const share = (count: number): number | null => (counts.offered === 0 ? null : count / counts.offered);
  const perS = (count: number): number => (seconds > 0 ? count / seconds : 0);
  const latency = LatencyCounts.from(result.latency);
  const ms = (value: number): number | null => (latency.count === 0 ? null : value);
  return {
    offeredPerS: perS(counts.offered),
    okPerS: perS(counts.ok),
    rowsPerS: perS(result.rowsOk),
    goodput: share(counts.ok),
    errors: share(counts.offered - counts.ok),
    late: share(counts.late),
    refused: share(counts.refused),
    failed: share(counts.failed),
    wrong: share(counts.wrong),
    unanswered: share(counts.unanswered),
    meanMs: ms(latency.meanMs),
    minMs: ms(latency.minMs),
    p50Ms: ms(latency.quantile(0.5)),
    p90Ms: ms(latency.quantile(0.9)),
    p95Ms: ms(latency.quantile(0.95)),
    p99Ms: ms(latency.quantile(0.99)),
    p999Ms: ms(latency.quantile(0.999)),
    maxMs: ms(latency.maxMs),
    latenessP99Ms: LatencyCounts.from(result.lateness).quantile(0.99),
    busy: result.busy,
  };
}

/** The middle of the numbers that are there; null when none is. */
export function median(values: readonly (number | null | undefined)[]): number | null {
  const sorted = values
    .filter((value): value is number => typeof value === 'number')
    .sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}
