import type { Line } from './line-fit.js';

/** A batch beyond this share of the best throughput only adds latency. */
const KNEE_SHARE = 0.985;
/** Longest batch, as predicted, while other models want workers too; a single row may take longer. */
export const MAX_BATCH_MS = 50;

/**
 * The size from which on larger batches bring next to nothing: the smallest b with b/l(b) at least 0.985 of what it is at
 * `maxRows`. With l(b) = a + c*b that is t*a / (1 - t*c), t being the throughput wanted.
 */
export function kneeOf({ fixedMs, perRowMs }: Line, maxRows: number): number {
  const fullMs = fixedMs + perRowMs * maxRows;
  if (!(fullMs > 0)) return maxRows;
  const wanted = (KNEE_SHARE * maxRows) / fullMs;
  // Against rounding: 16.0000001 is 16.
  const knee = Math.ceil((wanted * fixedMs) / (1 - wanted * perRowMs) - 1e-6);
  return Math.min(maxRows, Math.max(1, knee));
}

/** Most rows of a batch that lasts at most `MAX_BATCH_MS`; at least 1. */
export function rowsWithin({ fixedMs, perRowMs }: Line, maxRows: number): number {
  if (fixedMs + perRowMs * maxRows <= MAX_BATCH_MS) return maxRows;
  return Math.min(maxRows, Math.max(1, Math.floor((MAX_BATCH_MS - fixedMs) / perRowMs + 1e-6)));
}
