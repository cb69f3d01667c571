import { GatewayError } from '../core/error.js';

/**
 * Bounds what calls hold at the wire, of all connections together: their headers, what has come of messages that are not complete,
 * and answers that their clients have not taken.
 */
export class WireBudget {
  readonly #limit: number;
  #used = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Bytes held. */
  get used(): number {
    return this.#used;
  }

  /** More than half of it is used: who lets the server wait must be quicker. */
  get short(): boolean {
    return this.#used > this.#limit / 2;
  }

  /** Throws UNAVAILABLE when there is no room. */
  take(bytes: number): void {
    this.check(bytes);
    this.#used += bytes;
  }

  /** Throws as `take` does, and takes nothing. */
  check(bytes: number): void {
    if (this.#used + bytes <= this.#limit) return;
    const message = `byte budget is spent: requests and answers under way hold ${this.#used} bytes, ${bytes} more would exceed ${this.#limit}`;
    throw new GatewayError('UNAVAILABLE', message, { reason: 'byte_budget', retryAfterMs: 100 });
  }

  /** Takes what is there already, whether there is room or not; what comes next has less. */
  add(bytes: number): void {
    this.#used += bytes;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}
