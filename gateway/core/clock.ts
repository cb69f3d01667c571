/** The only place in gateway/ that reads time or sets timers; everything else is given a Clock. */

/** A timer that was set. */
export interface TimerHandle {
  cancel(): void;
}

/** Monotonic time in milliseconds (fractions included), and timers. Never a wall clock. */
export interface Clock {
  now(): number;
  /** Calls `fn` once after `delayMs`. A pending timer keeps the process alive unless `unref`. */
  setTimer(fn: () => void, delayMs: number, options?: { unref?: boolean }): TimerHandle;
}

// performance.now() is the cheapest monotonic clock but counts from the start of each thread. Shifted once onto
// process.hrtime, it is the same clock in every thread and process of the machine.
const OFFSET_MS = measureOffset();

/** Of a few samples the largest: a pause between the two readings (a first call is slow) can only make it smaller. */
function measureOffset(): number {
  let offset = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < 5; i++) {
    const [seconds, nanos] = process.hrtime();
    offset = Math.max(offset, seconds * 1e3 + nanos / 1e6 - performance.now());
  }
  return offset;
}

/** setTimeout fires at once beyond this. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds on the machine-wide monotonic clock: comparable between threads and processes. */
export function monotonicMs(): number {
  return performance.now() + OFFSET_MS;
}

/** Milliseconds since the epoch, for the one thing that a wall clock is good for here: to tell people when something was. */
export function wallClockMs(): number {
  return Date.now();
}

/** The machine's clock: the one that every Clock option defaults to outside tests. */
export const systemClock: Clock = {
  now: monotonicMs,
  setTimer(fn, delayMs, options) {
    const timer = setTimeout(fn, Math.min(Math.max(0, delayMs), MAX_TIMER_MS));
    if (options?.unref) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
