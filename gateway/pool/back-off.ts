/** When a dead worker's successor may start: pure. */

export interface BackOff {
  /** Wait before the second start in a row. @default 100 */
  readonly baseMs: number;
  /** @default 10_000 */
  readonly maxMs: number;
  /** A worker that was ready for this long had no trouble starting: counting begins anew. @default 10_000 */
  readonly stableMs: number;
}

export const DEFAULT_BACK_OFF: BackOff = { baseMs: 100, maxMs: 10_000, stableMs: 10_000 };

/**
 * Milliseconds until the next start after `failures` deaths in a row: none after the first, then doubling, each between
 * half of the value and all of it by `random` in [0, 1), so that slots that died together do not start together.
 */
export function restartDelayMs(failures: number, random: number, backOff: BackOff): number {
  if (failures <= 1) return 0;
  const full = Math.min(backOff.maxMs, backOff.baseMs * 2 ** Math.min(failures - 2, 30));
  return full * (0.5 + random / 2);
}
