import type { Clock, TimerHandle } from '../../gateway/core/clock.js';

/** Time that moves only when told to; timers fire in order of their instants, then of their making. */
export class FakeClock implements Clock {
  #now: number;
  #sequence = 0;
  readonly #timers = new Set<{ at: number; sequence: number; fn: () => void }>();

  constructor(startMs = 1_000_000) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  setTimer(fn: () => void, delayMs: number): TimerHandle {
    const timer = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, fn };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  /** Moves time on by `ms`, firing what falls due on the way at its own instant. */
  advance(ms: number): void {
    const target = this.#now + ms;
    for (;;) {
      let next: { at: number; sequence: number; fn: () => void } | undefined;
      for (const timer of this.#timers) {
        if (timer.at > target) continue;
        if (!next || timer.at < next.at || (timer.at === next.at && timer.sequence < next.sequence))
          next = timer;
      }
      if (!next) break;
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
    }
    this.#now = target;
  }
}
