import { median } from './statistics.js';

/** One figure with what is wanted of it. */
export interface Finding {
  /** The case it comes from, e.g. `iris`. */
  readonly from: string;
  /** What was measured, in a few words. */
  readonly what: string;
  /** Median of `rounds`. */
  readonly value: number;
  readonly unit: 'x' | 'share' | 'ms' | 'us' | 'rows/s';
  /** Absent: for information only. */
  readonly bar?: { readonly kind: 'at most' | 'at least'; readonly limit: number };
  /** One value for each paired round. */
  readonly rounds: readonly number[];
  /** The absolute figures behind it. */
  readonly detail: string;
}

type Given = Omit<Finding, 'value'>;

export function finding(given: Given): Finding {
  return { ...given, value: median(given.rounds) };
}

/** `none` where there is no bar. */
export function verdict({ value, bar }: Pick<Finding, 'value' | 'bar'>): 'PASS' | 'MISS' | 'none' {
  if (bar === undefined) return 'none';
  const met = bar.kind === 'at most' ? value <= bar.limit : value >= bar.limit;
  return met ? 'PASS' : 'MISS';
}
