import type { Config } from './config/schema.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import { MetricsExport } from './metrics-export.js';
import type { Metrics } from './telemetry/metrics.js';
import { Tracing } from './tracing.js';

/** What a server sends to others of itself, where it is told to: traces and metrics. */
export class Exports {
  readonly tracing: Tracing;
  readonly #metrics: MetricsExport;

  constructor(config: Config, clock: Clock, logger: Logger, metrics: Metrics) {
    this.tracing = new Tracing(config.trace, clock, logger, metrics);
    this.#metrics = new MetricsExport(config, clock, logger, metrics);
  }

  /** What cannot be sent is logged. */
  start(): void {
    this.tracing.start();
    this.#metrics.start();
  }

  /** Sends what is left, for `trace.flushMs` at most. Never rejects. */
  async close(): Promise<void> {
    await Promise.all([this.tracing.close(), this.#metrics.close()]);
  }
}
