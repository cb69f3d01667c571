/**
 * How many lines may be written: a bucket that holds `burst` and gains `perSec` a second. What was left out is counted, and told with the
 * next line that is let through.
 */
export class LineLimit {
  readonly #perSec: number;
  readonly #burst: number;
  #tokens: number;
  #at = 0;
  #left = 0;

  /** @param perSec 0 lets nothing through */
  constructor(perSec: number, burst = 5 * perSec) {
    this.#perSec = perSec;
    this.#burst = burst;
    this.#tokens = burst;
  }

  /**
   * Asks for one line.
   * @param now milliseconds, on the Clock's scale
   * @returns how many were left out since the last that was let through; undefined: leave this one out, too
   */
  take(now: number): number | undefined {
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#at) * this.#perSec) / 1000);
    this.#at = now;
    if (this.#tokens < 1) {
      this.#left++;
      return undefined;
    }
    this.#tokens--;
    const left = this.#left;
    this.#left = 0;
    return left;
  }
}
