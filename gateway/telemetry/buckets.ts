import { Exemplars, type SpanOfValue } from './exemplars.js';

/** Counts of one histogram series in preallocated cells. Adding is a short scan and three additions. */
export class Buckets {
  readonly bounds: readonly number[];
  /** Per bucket, not cumulated; the last one is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;
  /** Of series that have had one. */
  exemplars: Exemplars | undefined;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    const amount = amountOf(value);
    const i = this.#bucketOf(amount);
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sum += amount;
    this.count++;
  }

  /** Says where a value was measured that has been added. */
  exemplify(value: number, span: SpanOfValue, epochSeconds: number): void {
    this.exemplars ??= new Exemplars(this.counts.length);
    const amount = amountOf(value);
    this.exemplars.set(this.#bucketOf(amount), amount, span, epochSeconds);
  }

  #bucketOf(value: number): number {
    let i = 0;
    while (i < this.bounds.length && value > (this.bounds[i] as number)) i++;
    return i;
  }
}

/** One NaN would spoil the sum for good, and two threads' clocks may differ by a hair. */
function amountOf(value: number): number {
  return Number.isFinite(value) ? Math.max(value, 0) : 0;
}
