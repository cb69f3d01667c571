import { exponential } from './random.js';

/** Milliseconds from one arrival to the next, call by call. */
export type Arrivals = () => number;

/** Arrivals that know nothing of each other. */
export function poisson(random: () => number, perSecond: number): Arrivals {
  return () => exponential(random, 1000 / perSecond);
}

/**
 * Poisson arrivals that come and go: phases of exponential length, of `onMs` and `offMs` in the mean, with nothing in the
 * second kind. `perSecond` is the rate over both.
 */
export function bursty(random: () => number, perSecond: number, onMs = 25, offMs = 25): Arrivals {
  const meanMs = (1000 / perSecond) * (onMs / (onMs + offMs));
  let left = exponential(random, onMs);
  return () => {
    let gap = exponential(random, meanMs);
    let passed = 0;
    // What is left of a gap after a pause is as long as a new one: the process has no memory.
    while (gap > left) {
      passed += left + exponential(random, offMs);
      left = exponential(random, onMs);
      gap = exponential(random, meanMs);
    }
    left -= gap;
    return passed + gap;
  };
}

/** One after the other, `gapMs` apart. */
export function steady(perSecond: number): Arrivals {
  return () => 1000 / perSecond;
}
