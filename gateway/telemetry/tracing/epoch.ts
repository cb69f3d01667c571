import { type Clock, wallClockMs } from '../../core/clock.js';

/** Seconds and nanoseconds since 1970. */
export type EpochTime = [seconds: number, nanos: number];

/** How far the two clocks may drift apart before they are compared anew: spans of one call should not jump. */
const MAX_DRIFT_MS = 20;

/** Instants of the Clock as the rest of the world writes them. */
export class Epoch {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #wallMs: () => number;
  #offsetMs: number;

  /** @param wallMs milliseconds since 1970 */
  constructor(clock: Pick<Clock, 'now'>, wallMs = wallClockMs) {
    this.#clock = clock;
    this.#wallMs = wallMs;
    this.#offsetMs = wallMs() - clock.now();
  }

  /** Follows the wall clock, if somebody has set it. */
  refresh(): void {
    const offsetMs = this.#wallMs() - this.#clock.now();
    if (Math.abs(offsetMs - this.#offsetMs) > MAX_DRIFT_MS) this.#offsetMs = offsetMs;
  }

  at(instant: number): EpochTime {
    const ms = instant + this.#offsetMs;
    const seconds = Math.floor(ms / 1000);
    return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1000) * 1e6))];
  }
}
