type Kind = 'counter' | 'gauge' | 'histogram';
/** What a metric counts; `1` for things, shares and facts. Microseconds are Triton's. */
type Unit = 'seconds' | 'microseconds' | 'bytes' | 'rows' | '1';

/** One metric, as the page and the documents tell of it. */
export interface MetricSpec<K extends Kind = Kind> {
  readonly type: K;
  readonly unit: Unit;
  readonly labels: readonly string[];
  readonly help: string;
  /** Upper bounds of a histogram's buckets, ascending; +Inf is implied. */
  readonly buckets?: readonly number[];
}

/** A histogram: its buckets are there. */
type HistogramSpec = MetricSpec<'histogram'> & { readonly buckets: readonly number[] };

/** Of what only grows. */
export function counter(labels: readonly string[], help: string, unit: Unit = '1'): MetricSpec<'counter'> {
  return { type: 'counter', unit, labels, help };
}

/** Of what goes up and down. */
export function gauge(labels: readonly string[], help: string, unit: Unit = '1'): MetricSpec<'gauge'> {
  return { type: 'gauge', unit, labels, help };
}

/** Of what is looked at by its distribution. */
export function histogram(
  unit: Unit,
  buckets: readonly number[],
  labels: readonly string[],
  help: string,
): HistogramSpec {
  return { type: 'histogram', unit, labels, help, buckets };
}
