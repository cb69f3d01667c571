import type { OverloadRow } from './row.js';

/** What a server can still do that has to turn most calls away on the cores that its model needs: pure. */

/** CPU milliseconds of one call outside of the model: of the server's main thread and of the generator beside it. */
export interface CallCosts {
  readonly okMs: number;
  readonly turnedAwayMs: number;
}

/** With fewer calls turned away nothing can be said of their cost. */
const LEAST_TURNED_AWAY = 0.3;

/**
 * Told from two rows: the one where most calls were answered says what these cost, the one where most were turned away
 * what is left for the others. Undefined when hardly any were turned away.
 */
export function callCosts(rows: readonly OverloadRow[]): CallCosts | undefined {
  const away = ({ offeredPerS, goodputPerS }: OverloadRow): number => 1 - goodputPerS / offeredPerS;
  const sorted = rows.filter((row) => row.void === undefined).sort((a, b) => away(a) - away(b));
  const [calm, crowded] = [sorted[0], sorted.at(-1)];
  if (calm === undefined || crowded === undefined || away(crowded) < LEAST_TURNED_AWAY) return undefined;
  const cpu = (row: OverloadRow): number => row.frontMsPerS + row.generatorMsPerS;
  const okMs = cpu(calm) / calm.offeredPerS;
  const turnedAway = crowded.offeredPerS - crowded.goodputPerS;
  return { okMs, turnedAwayMs: Math.max(0, (cpu(crowded) - okMs * crowded.goodputPerS) / turnedAway) };
}

/**
 * The most goodput that the cores allow at this load, as a share of the peak. At the peak all cores are at work, so one
 * answered call takes `cores / peak`; each call too many takes its cost of being turned away from them.
 */
export function ceilingShare(
  offeredPerS: number,
  { turnedAwayMs }: CallCosts,
  { cores, peakPerS }: { readonly cores: number; readonly peakPerS: number },
): number {
  if (offeredPerS <= peakPerS) return offeredPerS / peakPerS;
  const coreMsPerS = cores * 1e3;
  const answeredMs = coreMsPerS / peakPerS;
  if (turnedAwayMs >= answeredMs) return 0;
  const most = (coreMsPerS - offeredPerS * turnedAwayMs) / (answeredMs - turnedAwayMs);
  return Math.min(1, Math.max(0, most / peakPerS));
}
