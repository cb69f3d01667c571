import type { CloseReason } from '../core/close-reason.js';
import type { Reason, StatusCode } from '../core/error.js';
import type { InferTiming } from '../core/infer-call.js';
import { OTHER, type Recorder } from '../core/recorder.js';
import { Exposition, type Sample } from './exposition.js';
import { type GaugeName, METRICS } from './metric-table.js';
import { increment, ModelSeries, type VersionSeries } from './series.js';

/** Reads a gauge at scrape: one number, one per value of its label, or samples with all its labels. */
export type GaugeReader = () => number | Readonly<Record<string, number>> | readonly GaugeSample[];

/** A gauge's value for values of its labels. */
export interface GaugeSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Most samples of one gauge; what goes beyond is left out. */
const MAX_SAMPLES = 1000;

export interface MetricsOptions {
  /** Gauges to show; one without a reader is left out. @default process memory only */
  readonly gauges?: Partial<Readonly<Record<GaugeName, GaugeReader>>>;
  /** Lines that the logger gave up. @default 0 */
  readonly logLinesDropped?: () => number;
  /** Spans by what became of them. @default none */
  readonly traceSpans?: () => Readonly<Record<string, number>>;
  /** Most models with labels of their own; the others share `_OTHER`. @default 200 */
  readonly maxModels?: number;
  /** Most versions of a model with labels of their own. @default 50 */
  readonly maxVersions?: number;
}

/** More slots than any machine has; a wrong index must not make a series. */
const MAX_SLOTS = 1024;

/**
 * The Recorder behind /metrics. The request path only adds to plain maps and arrays; prom-client comes in when a
 * scrape renders them. A model gets labels of its own once a version of it was resolved or it was declared: a name
 * that a client made up never does, so labels stay bounded whatever clients send.
 */
export class Metrics implements Recorder {
  readonly #models = new Map<string, ModelSeries>();
  readonly #other: ModelSeries;
  readonly #lostBySlot = new Map<number, number>();
  readonly #dropped = new Map<string, number>();
  readonly #maxModels: number;
  readonly #maxVersions: number;
  readonly #exposition: Exposition;

  constructor(options: MetricsOptions = {}) {
    const { gauges = {}, logLinesDropped, traceSpans, maxModels = 200, maxVersions = 50 } = options;
    this.#maxModels = maxModels;
    this.#maxVersions = maxVersions;
    this.#other = new ModelSeries(OTHER, maxVersions);
    const readers: MetricsOptions['gauges'] = { sluice_process_memory_bytes: processMemory, ...gauges };
    this.#exposition = new Exposition({
      sluice_requests_total: () =>
        this.#perVersion((series) => [...series.codes].map(([code, value]) => ({ labels: { code }, value }))),
      sluice_request_duration_seconds: () => this.#perVersion(({ duration }) => [{ buckets: duration }]),
      sluice_request_queue_duration_seconds: () => this.#perVersion(({ queue }) => [{ buckets: queue }]),
      sluice_requests_refused_total: () => this.#refusals(),
      sluice_batch_rows: () => this.#perVersion(({ rows }) => [{ buckets: rows }]),
      sluice_batches_closed_total: () =>
        this.#perVersion((series) =>
          [...series.closings].map(([reason, value]) => ({ labels: { reason }, value })),
        ),
      sluice_batch_compute_duration_seconds: () => this.#perVersion(({ compute }) => [{ buckets: compute }]),
      sluice_workers_lost_total: () => keyed(this.#lostBySlot, 'slot'),
      sluice_answers_dropped_total: () => keyed(this.#dropped, 'kind'),
      sluice_log_lines_dropped_total: () => [{ labels: {}, value: logLinesDropped?.() ?? 0 }],
      sluice_trace_spans_total: () =>
        Object.entries(traceSpans?.() ?? {}).map(([outcome, value]) => ({ labels: { outcome }, value })),
      ...Object.fromEntries(
        Object.entries(readers).map(([name, read]) => [name, () => gauge(name as GaugeName, read)]),
      ),
    });
  }

  /** What the Content-Type of a rendered page is. */
  get contentType(): string {
    return this.#exposition.contentType;
  }

  /** The page in Prometheus' text format. */
  render(): Promise<string> {
    return this.#exposition.render();
  }

  /** Gives a model labels of its own, before its first request: called for every model of the repository. */
  declareModel(model: string): void {
    this.#known(model, true);
  }

  request(
    model: string,
    version: number,
    code: StatusCode | 'OK',
    totalMs: number,
    timing: InferTiming | undefined,
  ): void {
    const series = this.#known(model, version > 0).version(version);
    increment(series.codes, code);
    series.duration.add(totalMs / 1000);
    if (timing !== undefined) series.queue.add(timing.queueMs / 1000);
  }

  refused(model: string, reason: Reason): void {
    increment(this.#known(model, false).reasons, reason);
  }

  batch(model: string, version: number, rows: number, computeMs: number, why: CloseReason): void {
    const series = this.#known(model, true).version(version);
    increment(series.closings, why);
    series.rows.add(rows);
    series.compute.add(computeMs / 1000);
  }

  /** The reason is free text: it belongs into the log, not into a label. */
  workerLost(slotIndex: number, _reason: string): void {
    increment(this.#lostBySlot, Math.min(slotIndex, MAX_SLOTS));
  }

  dropped(what: 'late_answer' | 'double_answer'): void {
    increment(this.#dropped, what);
  }

  #known(model: string, add: boolean): ModelSeries {
    const known = this.#models.get(model);
    if (known !== undefined) return known;
    // A model that is really called so must not make the same series twice: Prometheus would refuse the whole page.
    if (!add || model === OTHER || this.#models.size >= this.#maxModels) return this.#other;
    const series = new ModelSeries(model, this.#maxVersions);
    this.#models.set(model, series);
    return series;
  }

  #perVersion(samples: (series: VersionSeries) => readonly Partial<Sample>[]): Sample[] {
    return this.#all().flatMap(({ versions }) =>
      [...versions.values()].flatMap((series) =>
        samples(series).map((sample) => ({
          ...sample,
          labels: { model: series.model, version: series.version, ...sample.labels },
        })),
      ),
    );
  }

  #refusals(): Sample[] {
    return this.#all().flatMap(({ model, reasons }) =>
      [...reasons].map(([reason, value]) => ({ labels: { model, reason }, value })),
    );
  }

  #all(): ModelSeries[] {
    return [...this.#models.values(), this.#other];
  }
}

function keyed(counts: ReadonlyMap<unknown, number>, label: string): Sample[] {
  return [...counts].map(([key, value]) => ({ labels: { [label]: String(key) }, value }));
}

/** A reader that fails or answers nonsense costs its own gauge, never the page. */
function gauge(name: GaugeName, read: GaugeReader): Sample[] {
  let value: ReturnType<GaugeReader>;
  try {
    value = read();
  } catch {
    return [];
  }
  if (isSamples(value)) return value.slice(0, MAX_SAMPLES);
  if (typeof value === 'number') return [{ labels: {}, value }];
  const label: string = METRICS[name].labels[0] ?? 'kind';
  return Object.entries(value).map(([key, number]) => ({ labels: { [label]: key }, value: number }));
}

function isSamples(value: ReturnType<GaugeReader>): value is readonly GaugeSample[] {
  return Array.isArray(value);
}

function processMemory(): Record<string, number> {
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  return { resident: rss, heap_used: heapUsed, array_buffers: arrayBuffers };
}
