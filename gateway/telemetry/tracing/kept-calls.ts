import type { Clock } from '../../core/clock.js';

/** How many calls a second are kept beyond the sample: a flood of refusals must not become a flood of spans. */
export class KeptCalls {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #perSecond: number;
  #since = Number.NEGATIVE_INFINITY;
  #kept = 0;

  constructor(clock: Pick<Clock, 'now'>, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Whether one more may be kept now; it is counted. */
  take(): boolean {
    const now = this.#clock.now();
    if (now - this.#since >= 1000) {
      this.#since = now;
      this.#kept = 0;
    }
    return this.#kept++ < this.#perSecond;
  }
}
