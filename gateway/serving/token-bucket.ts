/** How fast a bucket fills and how much it holds; both above 0. */
export interface Rate {
  readonly perSec: number;
  readonly burst: number;
}

/** Sums of fractions are not exact: who comes back when told to must not find a billionth missing. What is taken is whole. */
const EPSILON = 1e-3;

/** Tokens that come at a steady rate and are kept up to a limit. Full at first. Time is given, in milliseconds: pure. */
export class TokenBucket {
  readonly rate: Rate;
  #tokens: number;
  #at: number;

  constructor(rate: Rate, now: number) {
    this.rate = rate;
    this.#tokens = rate.burst;
    this.#at = now;
  }

  /** What is there now. */
  level(now: number): number {
    const { perSec, burst } = this.rate;
    const filled = this.#tokens + (Math.max(0, now - this.#at) * perSec) / 1000;
    return Math.min(burst, filled);
  }

  /** Takes all of `amount` and answers 0, or takes nothing and answers in how many milliseconds it will be there. */
  take(amount: number, now: number): number {
    const level = this.level(now);
    if (level + EPSILON < amount) return ((amount - level) * 1000) / this.rate.perSec;
    this.#set(level - amount, now);
    return 0;
  }

  giveBack(amount: number, now: number): void {
    this.#set(Math.min(this.rate.burst, this.level(now) + amount), now);
  }

  /** Nothing would be lost if a new one took its place. */
  isFull(now: number): boolean {
    return this.level(now) >= this.rate.burst - EPSILON;
  }

  #set(tokens: number, now: number): void {
    this.#tokens = tokens;
    this.#at = Math.max(this.#at, now);
  }
}
