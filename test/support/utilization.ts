import { systemClock } from '../../gateway/core/clock.js';
import type { SentRun } from './counted-runs.js';

/**
 * What the two workers did of what they could: full batches, one behind the other, at the speed at which their runs really went. Measured
 * from end to end of the runs that began after `sinceMs`, so that neither the start nor the end of the load counts.
 */
export function utilization(
  runs: readonly SentRun[],
  { maxRows, sinceMs, untilMs }: { maxRows: number; sinceMs: number; untilMs: number },
): number {
  const shares: number[] = [];
  for (const worker of [0, 1]) {
    const mine = runs.filter(
      ({ ran, worker: at }) => at === worker && ran && ran.startedAt > sinceMs && ran.endedAt < untilMs,
    );
    const rows = mine.slice(1).reduce((sum, run) => sum + run.rows, 0);
    const spanMs = (mine.at(-1)?.ran?.endedAt ?? 0) - (mine[0]?.ran?.endedAt ?? 0);
    const full = mine.filter((run) => run.rows === maxRows);
    const runMs =
      full.reduce((sum, { ran }) => sum + (ran ? ran.endedAt - ran.startedAt : 0), 0) / full.length;
    shares.push(rows / ((maxRows * spanMs) / runMs));
  }
  return (shares[0] as number) / 2 + (shares[1] as number) / 2;
}

const TICK_MS = 5;

/** Begins to measure: the share of the time in which this thread wanted to run and could not, because of other processes or of work. */
export function stolenTime(): () => number {
  const startedAt = systemClock.now();
  let last = startedAt;
  let lostMs = 0;
  const timer = setInterval(() => {
    const now = systemClock.now();
    // A timer may be late by a millisecond or so.
    lostMs += Math.max(0, now - last - 2 * TICK_MS);
    last = now;
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    return lostMs / (systemClock.now() - startedAt);
  };
}

/** How often a figure is measured before it counts as missed. */
const ATTEMPTS = 3;

/**
 * Measures until a figure reaches its bar. What else runs on the machine can only lower it, so that the first that reaches it shows
 * what the server can do, and a server that cannot misses it each time.
 * @returns the last that was measured
 */
export async function firstThat<T>(
  reaches: (found: T) => boolean,
  measure: (attempt: number) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const found = await measure(attempt);
    if (reaches(found) || attempt === ATTEMPTS) return found;
  }
}

/** A share, for people. */
export const percent = (share: number): string => `${(100 * share).toFixed(0)}%`;
