import { readFileSync } from 'node:fs';
import type { Config } from './config/schema.js';
import { type Clock, wallClockMs } from './core/clock.js';
import type { Logger } from './core/logger.js';
import type { Metrics } from './telemetry/metrics.js';
import { metricData } from './telemetry/metrics-export/metric-data.js';
import { MetricPush } from './telemetry/metrics-export/metric-push.js';
import {
  type MetricExporter,
  openOtlpMetricExporter,
} from './telemetry/metrics-export/otlp-metric-exporter.js';
import { FailureLog } from './telemetry/tracing/failure-log.js';
import { resourceOf } from './telemetry/tracing/resource.js';

/** The package's version: what is said of this server. */
const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** Sends metrics by OTLP, where the settings say so. */
export class MetricsExport {
  readonly #config: Pick<Config, 'metrics' | 'trace'>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #metrics: Pick<Metrics, 'collected'>;
  readonly #startedAt = hrTime();
  #push: MetricPush | undefined;
  #exporter: MetricExporter | undefined;

  constructor(
    config: Pick<Config, 'metrics' | 'trace'>,
    clock: Clock,
    logger: Logger,
    metrics: Pick<Metrics, 'collected'>,
  ) {
    this.#config = config;
    this.#clock = clock;
    this.#logger = logger;
    this.#metrics = metrics;
  }

  /** Loads the exporter. A server that is not looked at is better than none: what fails is logged. */
  start(): void {
    const { metrics, trace } = this.#config;
    if (metrics.exporter === 'none' || !metrics.enabled) return;
    const { protocol, endpoint, exportIntervalMs: intervalMs, exportTimeoutMs: timeoutMs } = metrics;
    try {
      const exporter = openOtlpMetricExporter({
        ...{ protocol, endpoint, version: VERSION },
        tryTimeoutMs: Math.min(trace.tryTimeoutMs, timeoutMs),
        resource: resourceOf(trace.resourceAttributes, trace.serviceName, VERSION),
      });
      const failures = new FailureLog(this.#clock, this.#logger, 'metrics');
      this.#exporter = exporter;
      this.#push = new MetricPush({
        ...{ clock: this.#clock, intervalMs, timeoutMs },
        send: (done) => exporter.export(metricData(this.#metrics.collected, this.#startedAt, hrTime()), done),
        onFailure: (failure) => failures.note(failure, 1),
      });
      this.#push.start();
      this.#logger.info({ protocol, endpoint, intervalMs }, 'metrics are sent');
    } catch (thrown) {
      this.#logger.error({ err: thrown }, 'no metrics are sent');
    }
  }

  /** Sends them once more, for `trace.flushMs` at most. Never rejects. */
  async close(): Promise<void> {
    await this.#push?.close(this.#config.trace.flushMs);
    void this.#exporter?.shutdown();
  }
}

/** Now, in seconds and nanoseconds since 1970. */
function hrTime(): [seconds: number, nanos: number] {
  const ms = wallClockMs();
  return [Math.floor(ms / 1000), (ms % 1000) * 1e6];
}
