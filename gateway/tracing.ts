import { readFileSync } from 'node:fs';
import type { Config } from './config/schema.js';
import type { Clock } from './core/clock.js';
import type { ExemplarRecorder } from './core/exemplars.js';
import type { Logger } from './core/logger.js';
import type { TraceControl, TraceSettings } from './core/trace-settings.js';
import { TraceKeeper } from './telemetry/trace-control.js';
import { Epoch } from './telemetry/tracing/epoch.js';
import { FailureLog } from './telemetry/tracing/failure-log.js';
import { KeptCalls } from './telemetry/tracing/kept-calls.js';
import { openOtlpExporter } from './telemetry/tracing/otlp-exporter.js';
import { resourceOf } from './telemetry/tracing/resource.js';
import { ratioOf, Sampler } from './telemetry/tracing/sampler.js';
import { type SpanCounts, SpanQueue } from './telemetry/tracing/span-queue.js';
import { Tracer } from './telemetry/tracing/tracer.js';

type TraceConfig = Config['trace'];

/** The package's version: what traces say of this server. */
const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** Traces of a server: built from its settings, opened and closed with it. */
export class Tracing {
  /** What TraceSetting tells and changes. */
  readonly control: TraceControl;
  readonly tracer: Tracer;
  readonly #config: TraceConfig;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #queue: SpanQueue | undefined;

  constructor(config: TraceConfig, clock: Clock, logger: Logger, exemplars: ExemplarRecorder) {
    this.#config = config;
    this.#clock = clock;
    this.#logger = logger;
    const { slowMs, debugTrailer: debug, baggage, oldNames } = config;
    const options = { slowMs, debug, baggage, oldNames, logger, soon: setImmediate };
    if (config.exporter === 'none') {
      this.control = new TraceKeeper();
      this.tracer = new Tracer({ ...options, out: undefined });
      return;
    }
    const keeper = new TraceKeeper((model) => sampler.changed(model), settingsOf(config));
    const { ratio } = config;
    const sampler: Sampler = new Sampler({
      ...{ sampler: config.sampler, ratio, random: Math.random },
      read: (model) => keeper.read(model),
    });
    this.#queue = buildQueue(config, clock, logger);
    const kept = new KeptCalls(clock, config.maxKeptPerSec);
    this.control = keeper;
    this.tracer = new Tracer({ ...options, out: { sampler, queue: this.#queue, kept, exemplars } });
  }

  /** Loads the exporter. A server without traces is better than none: what fails is logged. */
  start(): void {
    if (this.#queue === undefined) return;
    const { protocol, endpoint, serviceName, resourceAttributes, exportTimeoutMs } = this.#config;
    try {
      this.#queue.open(
        openOtlpExporter({
          ...{ protocol, endpoint, version: VERSION, epoch: new Epoch(this.#clock) },
          tryTimeoutMs: Math.min(this.#config.tryTimeoutMs, exportTimeoutMs),
          resource: resourceOf(resourceAttributes, serviceName, VERSION),
        }),
      );
      this.#logger.info({ protocol, endpoint }, 'traces are sent');
    } catch (thrown) {
      this.#logger.error({ err: thrown }, 'no traces are sent');
    }
  }

  /** Sends what is left, for `flushMs` at most. Never rejects. */
  async close(): Promise<void> {
    this.tracer.flush();
    await this.#queue?.close(this.#config.flushMs);
  }

  /** Spans by what became of them, for the metric. */
  counts(): Readonly<Record<keyof SpanCounts, number>> {
    return this.#queue?.counts ?? { exported: 0, dropped: 0, failed: 0 };
  }
}

/** What TraceSetting shows until somebody changes it. */
function settingsOf({ sampler, ratio }: TraceConfig): TraceSettings {
  const share = ratioOf(sampler, ratio);
  const rate = share === 0 ? 0 : Math.round(1 / share);
  return { level: ['TIMESTAMPS'], rate, count: -1, logFrequency: 0, mode: 'opentelemetry' };
}

function buildQueue(config: TraceConfig, clock: Clock, logger: Logger): SpanQueue {
  const failures = new FailureLog(clock, logger);
  return new SpanQueue({
    clock,
    maxSpans: config.maxQueueSpans,
    maxExport: Math.min(config.maxExportSpans, config.maxQueueSpans),
    delayMs: config.exportDelayMs,
    exportTimeoutMs: config.exportTimeoutMs,
    onFailure: (failure, spans) => failures.note(failure, spans),
  });
}
