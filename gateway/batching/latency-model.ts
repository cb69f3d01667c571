/** Weight of all earlier samples when one is added: about the last hundred runs count. */
const DECAY = 0.99;

/** What a run is taken to last before anything is known of it. */
const UNKNOWN_MS = 1;

/** A run of a batch: its rows and how long session.run took. */
export interface LatencySample {
  readonly rows: number;
  readonly ms: number;
}

/**
 * How long a batch of b rows of one model version runs: l(b) = a + c*b milliseconds, fitted by least squares over
 * samples that fade as new ones come, first seeded by the preparation's. Updating and asking cost O(1).
 *
 * This is the seam for batch sizes that are learned: callers only ever ask `estimateMs` and tell `observe`.
 */
export class LatencyModel {
  // Faded sums over the samples: their weights, rows, rows squared, times, and rows times time.
  #weight = 0;
  #rows = 0;
  #rowsSquared = 0;
  #ms = 0;
  #rowsMs = 0;

  constructor(seed: readonly LatencySample[] = []) {
    for (const sample of seed) this.observe(sample.rows, sample.ms);
  }

  /** Learns from a run. A sample that cannot be true (no rows, a negative or infinite time) is ignored. */
  observe(rows: number, ms: number): void {
    if (!(rows >= 1) || !(ms >= 0) || ms === Number.POSITIVE_INFINITY) return;
    this.#weight = this.#weight * DECAY + 1;
    this.#rows = this.#rows * DECAY + rows;
    this.#rowsSquared = this.#rowsSquared * DECAY + rows * rows;
    this.#ms = this.#ms * DECAY + ms;
    this.#rowsMs = this.#rowsMs * DECAY + rows * ms;
  }

  /** Predicted milliseconds of a run of `rows` rows: finite, never negative, never less for more rows. */
  estimateMs(rows: number): number {
    if (this.#weight === 0) return UNKNOWN_MS;
    const meanRows = this.#rows / this.#weight;
    const meanMs = this.#ms / this.#weight;
    const variance = this.#rowsSquared / this.#weight - meanRows * meanRows;
    // One batch size only (but for rounding): nothing tells a from c, so the time is taken as proportional to the rows.
    if (variance < 1e-6 * meanRows * meanRows) return (meanMs * rows) / meanRows;
    const slope = Math.max(0, (this.#rowsMs / this.#weight - meanRows * meanMs) / variance);
    const fixed = meanMs - slope * meanRows;
    // Noise can tilt the line until it starts below zero: then the line through the origin.
    return fixed >= 0 ? fixed + slope * rows : (meanMs * rows) / meanRows;
  }
}
