import type { Starts } from './arrivals.js';

export interface PacerOptions {
  /** Instants on the clock of `now`, ascending; Infinity ends the pacer. */
  readonly next: Starts;
  /** A call is meant to start: never waits for an answer. */
  readonly onDue: (intendedMs: number) => void;
  /** Everything that is due now has been said. */
  readonly onStepDone: () => void;
  /** There will be no more. */
  readonly onEnd: () => void;
  /** A number that changes when the process has had something else to do. */
  readonly activity: () => number;
  readonly clock: PacerClock;
  /** Sleeps at least so long, and never asks again and again. Undefined: starts are as exact as can be. */
  readonly tickMs?: number | undefined;
}

/** Time and ways to wait for it, as the pacer needs them. */
export interface PacerClock {
  now(): number;
  /** Once, after `ms`, fractions included; late by up to a tenth of a millisecond on a machine with a core to spare. One at a time. */
  after(ms: number, fn: () => void): () => void;
  /** Once, as soon as whatever else is ready has been handled. */
  soon(fn: () => void): () => void;
}

/**
 * What is nearer than this is waited for by asking again and again: about as long as the clock is late. Not longer, since
 * a process that never sleeps is the first to lose its core where the server wants one.
 */
const SPIN_BELOW_MS = 0.1;
/** Calls started in one go after a stall, before answers are looked at again. */
const MAX_STEP = 512;
/** More between two looks at the clock was no waiting but something that kept the process from running. */
const MAX_IDLE_LOOK_MS = 0.2;

/** Starts calls when they are meant to start, whatever became of earlier ones: an open loop. */
export class Pacer {
  readonly #options: PacerOptions;
  #nextMs: number;
  #cancel: (() => void) | undefined;
  #stopped = false;
  #idleMs = 0;
  #lookedMs = Number.NaN;
  #activity = 0;

  constructor(options: PacerOptions) {
    this.#options = options;
    this.#nextMs = options.next();
  }

  /** CPU time spent on asking for the time with nothing else to do. */
  get idleMs(): number {
    return this.#idleMs;
  }

  start(): void {
    this.#step();
  }

  /** Starts no more calls and says nothing any more. Idempotent. */
  stop(): void {
    this.#stopped = true;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  readonly #step = (): void => {
    const { next, onDue, onStepDone, onEnd, clock, tickMs } = this.#options;
    const now = clock.now();
    if (this.#nextMs > now) this.#countIdle(now);
    else {
      this.#lookedMs = Number.NaN;
      for (let i = 0; i < MAX_STEP && this.#nextMs <= now && !this.#stopped; i++) {
        onDue(this.#nextMs);
        this.#nextMs = next();
      }
      onStepDone();
    }
    if (this.#stopped) return;
    if (this.#nextMs === Number.POSITIVE_INFINITY) {
      this.#cancel = undefined;
      onEnd();
      return;
    }
    const waitMs = this.#nextMs - now;
    if (tickMs !== undefined) {
      this.#cancel = clock.after(Math.max(waitMs, tickMs), this.#step);
    } else if (waitMs < SPIN_BELOW_MS) {
      this.#cancel = clock.soon(this.#step);
    } else {
      this.#lookedMs = Number.NaN;
      this.#cancel = clock.after(waitMs - SPIN_BELOW_MS, this.#step);
    }
  };

  /** Time since the last look counts as idle when nothing but looking has happened. */
  #countIdle(now: number): void {
    const activity = this.#options.activity();
    if (activity === this.#activity) {
      const since = now - this.#lookedMs;
      if (since > 0 && since < MAX_IDLE_LOOK_MS) this.#idleMs += since;
    }
    this.#activity = activity;
    this.#lookedMs = now;
  }
}
