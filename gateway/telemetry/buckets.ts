/** Counts of one histogram series in preallocated cells. Adding is a short scan and three additions. */
export class Buckets {
  readonly bounds: readonly number[];
  /** Per bucket, not cumulated; the last one is above all bounds. */
  readonly counts: Float64Array;
  sum = 0;
  count = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  add(value: number): void {
    // One NaN would spoil the sum for good, and two threads' clocks may differ by a hair.
    const amount = Number.isFinite(value) ? Math.max(value, 0) : 0;
    let i = 0;
    while (i < this.bounds.length && amount > (this.bounds[i] as number)) i++;
    this.counts[i] = (this.counts[i] as number) + 1;
    this.sum += amount;
    this.count++;
  }
}
