import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Clock } from '../core/clock.js';

/** How often the loop is probed. */
const RESOLUTION_MS = 10;
/** The least time that delays are told of. */
const WINDOW_MS = 15_000;

/** Measures how late the event loop of this thread is. */
export interface EventLoopMonitor {
  /**
   * Seconds, the middle, the 99th percentile and the most, for the gauge `sluice_event_loop_delay_seconds`: of the window under way and the one before it, which
   * lasts `WINDOW_MS` or until the next call after that. Who calls it does not disturb others that do.
   */
  read(): Record<string, number>;
  /** Milliseconds in which the loop was not idle, since the beginning of the thread. */
  activeMs(): number;
  close(): void;
}

type Delays = Readonly<Record<'p50' | 'p99' | 'max', number>>;

/** Starts measuring; the probe does not keep the process alive. */
export function monitorEventLoop(clock: Clock): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let former: Delays = { p50: 0, p99: 0, max: 0 };
  let since = clock.now();
  return {
    read() {
      const present = delaysOf(histogram);
      const worst = (of: keyof Delays): number => Math.max(present[of], former[of]);
      const result = { p50: worst('p50'), p99: worst('p99'), max: worst('max') };
      if (clock.now() - since >= WINDOW_MS) {
        former = present;
        since = clock.now();
        histogram.reset();
      }
      return result;
    },
    activeMs: () => performance.eventLoopUtilization().active,
    close: () => void histogram.disable(),
  };
}

/** The histogram holds intervals between probes: what is above the resolution is delay. */
function delaysOf(histogram: IntervalHistogram): Delays {
  const delay = (nanos: number) => Math.max(0, nanos / 1e9 - RESOLUTION_MS / 1e3) || 0;
  return {
    p50: delay(histogram.percentile(50)),
    p99: delay(histogram.percentile(99)),
    max: delay(histogram.max),
  };
}
