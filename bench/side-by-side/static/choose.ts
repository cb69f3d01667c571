import { median } from '../statistics.js';
import type { StaticPair } from './pairs.js';

/** Which pairs of a sweep are measured again, and what the best of them means: pure. */

/** What a pair did once, and the default server right beside it. */
export interface Tried {
  readonly pair: StaticPair;
  readonly ratePerS: number;
  readonly defaultRatePerS: number;
  /** At the common rate; undefined where it was not tried. */
  readonly p99Ms?: number;
  readonly defaultP99Ms?: number;
}

/** Saturated more than this below the default server, a pair has no p99 worth knowing at 0.8 of the default's rate. */
const CARRIES = 0.9;

/** Whether a pair can carry 0.8 of the default's rate with room to spare. */
export function carries({ ratePerS, defaultRatePerS }: Tried): boolean {
  return ratePerS >= CARRIES * defaultRatePerS;
}

/**
 * The best few, each against the default that was measured beside it: a machine that slows down during a sweep favours
 * nobody. The best of many single measurements is partly luck, so these few are measured again.
 */
export function fastest(tried: readonly Tried[], count: number): StaticPair[] {
  return best(tried, ({ ratePerS, defaultRatePerS }) => defaultRatePerS / ratePerS, count);
}

/** The same by p99. */
export function quickest(tried: readonly Tried[], count: number): StaticPair[] {
  const timed = tried.filter(({ p99Ms }) => p99Ms !== undefined);
  return best(timed, ({ p99Ms = 0, defaultP99Ms = 1 }) => p99Ms / defaultP99Ms, count);
}

function best(tried: readonly Tried[], cost: (one: Tried) => number, count: number): StaticPair[] {
  return [...tried]
    .sort((a, b) => cost(a) - cost(b))
    .slice(0, count)
    .map(({ pair }) => pair);
}

/** A finalist: in each round its figure, and the default server's. */
export interface Finalist {
  readonly pair: StaticPair;
  readonly rounds: readonly { readonly ours: number; readonly theirs: number }[];
}

/** The one that is hardest to beat, by its median of `ours / theirs`: the lowest for rates, the highest for times. */
export function hardest(finalists: readonly Finalist[], figure: 'rate' | 'time'): Finalist | undefined {
  const sign = figure === 'rate' ? 1 : -1;
  const middle = ({ rounds }: Finalist): number => sign * median(ratios(rounds));
  return [...finalists].sort((a, b) => middle(a) - middle(b))[0];
}

/** Default over static, round by round. */
export function ratios(rounds: Finalist['rounds']): number[] {
  return rounds.map(({ ours, theirs }) => ours / theirs);
}
