import { monitorEventLoopDelay } from 'node:perf_hooks';

/** How often the loop is probed. */
const RESOLUTION_MS = 10;

/** Measures how late the event loop of this thread is. */
export interface EventLoopMonitor {
  /** Seconds by quantile since the last call, for the gauge `sluice_event_loop_delay_seconds`; then starts afresh. */
  read(): Record<string, number>;
  close(): void;
}

/** Starts measuring; the probe does not keep the process alive. */
export function monitorEventLoop(): EventLoopMonitor {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    read() {
      // The histogram holds intervals between probes: what is above the resolution is delay.
      const delay = (nanos: number) => Math.max(0, nanos / 1e9 - RESOLUTION_MS / 1e3) || 0;
      const result = {
        '0.5': delay(histogram.percentile(50)),
        '0.99': delay(histogram.percentile(99)),
        '1': delay(histogram.max),
      };
      histogram.reset();
      return result;
    },
    close: () => void histogram.disable(),
  };
}
