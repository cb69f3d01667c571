import { performance } from 'node:perf_hooks';

/** A function that answers in what share of the time since it was last asked the event loop of this thread was busy. */
export function loopUtilisation(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
