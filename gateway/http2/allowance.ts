/**
 * How often a peer may do what costs us something and brings nothing (a token bucket): `burst` times at once, and `perSecond`
 * in the long run. Instants are milliseconds on the Clock's scale.
 */
export class Allowance {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#left = burst;
    this.#at = now;
  }

  /** Uses one; false when there is none left. The time is only asked for when the burst is used up. */
  take(clock: { now(): number }): boolean {
    if (this.#left < 1) this.#refill(clock.now());
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Gives some back, up to the burst: what was useful pays for what was not. */
  earn(count: number): void {
    this.#left = Math.min(this.#burst, this.#left + count);
  }

  #refill(now: number): void {
    const earned = ((now - this.#at) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#burst, this.#left + earned);
    this.#at = now;
  }
}
