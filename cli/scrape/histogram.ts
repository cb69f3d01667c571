import type { Labels, Page } from './page.js';

/** What a histogram counted between two pages. */
export interface Counted {
  readonly count: number;
  readonly sum: number;
  /** Cumulated counts by upper bound, ascending; the last bound is infinite. */
  readonly buckets: readonly { readonly bound: number; readonly count: number }[];
}

/** What came to the series with these labels, all taken together, since the page before; without one, since they began. */
export function countedBetween(
  before: Page | undefined,
  after: Page,
  name: string,
  labels: Labels = {},
): Counted {
  const grown = (suffix: string): number =>
    Math.max(0, (after.sum(name + suffix, labels) ?? 0) - (before?.sum(name + suffix, labels) ?? 0));
  const earlier = before?.by(`${name}_bucket`, 'le', labels);
  const buckets = [...after.by(`${name}_bucket`, 'le', labels)]
    .map(([le, count]) => ({
      bound: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
      count: Math.max(0, count - (earlier?.get(le) ?? 0)),
    }))
    .sort((a, b) => a.bound - b.bound);
  return { count: grown('_count'), sum: grown('_sum'), buckets };
}

/**
 * The value that a share of what was counted is within: as far into its bucket as its rank is, which is as near as a histogram tells.
 * Of what is above every bound, the largest bound. Undefined where nothing was counted.
 */
export function quantileOf({ buckets }: Counted, share: number): number | undefined {
  const total = buckets.at(-1)?.count ?? 0;
  if (total <= 0) return undefined;
  const rank = share * total;
  let lower = { bound: 0, count: 0 };
  for (const bucket of buckets) {
    if (bucket.count >= rank && bucket.count > lower.count) {
      if (!Number.isFinite(bucket.bound)) return lower.bound;
      return (
        lower.bound + ((bucket.bound - lower.bound) * (rank - lower.count)) / (bucket.count - lower.count)
      );
    }
    lower = bucket;
  }
  return lower.bound;
}

/** The mean; undefined where nothing was counted. */
export function meanOf({ count, sum }: Pick<Counted, 'count' | 'sum'>): number | undefined {
  return count > 0 ? sum / count : undefined;
}
