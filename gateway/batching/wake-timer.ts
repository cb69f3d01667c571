import type { Clock, TimerHandle } from '../core/clock.js';

/** Calls back at the earliest of the instants that it was asked for since it last did. */
export class WakeTimer {
  readonly #clock: Clock;
  readonly #onWake: () => void;
  #at = Number.POSITIVE_INFINITY;
  #timer: TimerHandle | undefined;

  constructor(clock: Clock, onWake: () => void) {
    this.#clock = clock;
    this.#onWake = onWake;
  }

  at(instant: number): void {
    if (instant >= this.#at) return;
    this.#timer?.cancel();
    this.#at = instant;
    this.#timer = this.#clock.setTimer(this.#wake, instant - this.#clock.now(), { unref: true });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#at = Number.POSITIVE_INFINITY;
  }

  readonly #wake = (): void => {
    this.stop();
    this.#onWake();
  };
}
