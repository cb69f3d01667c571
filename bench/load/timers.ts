import { monotonicMs } from '../clock.js';
import type { PacerClock } from './pacer.js';

/** The real clock, for a Pacer. */
export const timers: PacerClock = {
  now: monotonicMs,
  after(ms, fn) {
    const timer = setTimeout(fn, ms);
    return () => clearTimeout(timer);
  },
  soon(fn) {
    const immediate = setImmediate(fn);
    return () => clearImmediate(immediate);
  },
};
