/** Values added before the quantile is looked up anew: it moves slowly, and sorting costs microseconds. */
const EVERY = 8;

/** A quantile of the last few values. */
export class RollingQuantile {
  readonly #ring: Float64Array;
  readonly #quantile: number;
  #added = 0;
  /** 0 before anything was added. */
  value = 0;

  /** @param quantile in (0, 1) */
  constructor(size: number, quantile: number) {
    this.#ring = new Float64Array(size);
    this.#quantile = quantile;
  }

  add(value: number): void {
    this.#ring[this.#added % this.#ring.length] = value;
    this.#added++;
    if (this.#added <= EVERY || this.#added % EVERY === 0) this.#look();
  }

  #look(): void {
    const known = this.#ring.slice(0, Math.min(this.#added, this.#ring.length)).sort();
    this.value = known[Math.min(known.length - 1, Math.floor(this.#quantile * known.length))] as number;
  }
}
