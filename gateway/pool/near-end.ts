import type { Clock, TimerHandle } from '../core/clock.js';

/** Shorter runs are not worth a timer, and a hand-off costs them little. */
const MIN_RUN_MS = 5;
/** How long before its predicted end a run counts as about to end: a hand-off takes part of a millisecond, but the cores are busy. */
const LEAD_SHARE = 0.15;
const MAX_LEAD_MS = 5;

/**
 * Tells when the run of a worker is about to end, so that its next batch is there when it does: until then that batch stays
 * open in the gateway, where it can be joined, expire or be cancelled.
 */
export class NearEnd {
  readonly #clock: Clock;
  readonly #onReached: () => void;
  #timer: TimerHandle | undefined;
  #endsAt = Number.NEGATIVE_INFINITY;
  reached = false;

  /** @param onReached called when `reached` has become true */
  constructor(clock: Clock, onReached: () => void) {
    this.#clock = clock;
    this.#onReached = onReached;
  }

  /** A run has begun that is predicted to last `expectedMs`; undefined where nothing is known of it. */
  begin(expectedMs: number | undefined): void {
    this.stop();
    this.#endsAt = this.#clock.now() + (expectedMs ?? 0);
    if (expectedMs === undefined || expectedMs < MIN_RUN_MS) return;
    const leadMs = Math.min(MAX_LEAD_MS, LEAD_SHARE * expectedMs);
    this.#timer = this.#clock.setTimer(this.#reach, expectedMs - leadMs, { unref: true });
  }

  /** In how many milliseconds the run is predicted to end: 0 when it should have, or is over. */
  leftMs(now: number): number {
    return Math.max(0, this.#endsAt - now);
  }

  /** The run is over, or its worker is. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#endsAt = Number.NEGATIVE_INFINITY;
    this.reached = false;
  }

  readonly #reach = (): void => {
    this.#timer = undefined;
    this.reached = true;
    this.#onReached();
  };
}
