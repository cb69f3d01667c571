import type { Clock } from '../core/clock.js';

/** The least time that a share is taken of. */
const WINDOW_MS = 5000;

/**
 * In what share of the time something was busy that is known by its total, of a window that ends at a reading. Readers do not
 * disturb each other: within `windowMs` of the last window's end all are told what it had.
 */
export class WindowedShare {
  readonly #clock: Clock;
  readonly #windowMs: number;
  #at: number;
  #total = 0;
  #last: number | undefined;

  constructor(clock: Clock, windowMs = WINDOW_MS) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#at = clock.now();
  }

  /** @param totalMs milliseconds busy since the beginning, over all that may be; @param places how many those are */
  read(totalMs: number, places: number): number {
    const now = this.#clock.now();
    const goneMs = now - this.#at;
    if (this.#last !== undefined && goneMs < this.#windowMs) return this.#last;
    // A worker that left took what it had been busy with along.
    const busyMs = Math.max(0, totalMs - this.#total);
    const share = goneMs > 0 && places > 0 ? Math.min(1, busyMs / (goneMs * places)) : 0;
    if (goneMs < this.#windowMs) return share;
    this.#at = now;
    this.#total = totalMs;
    this.#last = share;
    return share;
  }
}
