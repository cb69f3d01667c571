import type { BatchTrace } from '../core/batch-trace.js';
import type { CallTrace } from '../core/call-trace.js';
import { wallClockMs } from '../core/clock.js';
import type { Reason, StatusCode } from '../core/error.js';
import type { ExemplarRecorder } from '../core/exemplars.js';
import type { InferTiming } from '../core/infer-call.js';
import {
  type BadOutput,
  OTHER,
  type RecordedRun,
  type Recorder,
  type RetryReason,
} from '../core/recorder.js';
import type { SpanIdentity } from '../core/span-identity.js';
import type { Buckets } from './buckets.js';
import { type CollectedMetric, Exposition, type MetricsPage, type Sample } from './exposition.js';
import type { MetricSpec } from './metric-spec.js';
import { METRICS, type MetricName, type ReaderName } from './metric-table.js';
import { increment, ModelSeries, type VersionSeries } from './series.js';

/** Reads a metric at scrape: one number, one per value of its label, or samples with all its labels. */
export type MetricReader = () => number | Readonly<Record<string, number>> | readonly ReadSample[];

/** A metric's value for values of its labels. */
export interface ReadSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Most samples of one metric that is read; what goes beyond is left out. */
const MAX_SAMPLES = 1000;

/** What is read at a scrape, by metric. */
export type MetricReaders = Partial<Readonly<Record<ReaderName, MetricReader>>>;

export interface MetricsOptions {
  /** What is known elsewhere; a metric without a reader is left out. @default none */
  readonly readers?: MetricReaders;
  /** Further metrics of the page, by other names. @default none */
  readonly more?: readonly CollectedMetric[];
  /** Most models with labels of their own; the others share `_OTHER`. @default 200 */
  readonly maxModels?: number;
  /** Most versions of a model with labels of their own. @default 50 */
  readonly maxVersions?: number;
  /** How long other scrapers are waited for, once one wants a page: they share it. @default one turn of the event loop */
  readonly gather?: () => Promise<void>;
  /** Milliseconds since 1970, for exemplars. @default the machine's clock */
  readonly epochMs?: () => number;
}

/** More slots than any machine has; a wrong index must not make a series. */
const MAX_SLOTS = 1024;

/**
 * The Recorder behind /metrics. The request path only adds to plain maps and arrays; prom-client comes in when a
 * scrape renders them. A model gets labels of its own once a version of it was resolved or it was declared: a name
 * that a client made up never does, so labels stay bounded whatever clients send.
 */
export class Metrics implements Recorder, ExemplarRecorder {
  readonly #models = new Map<string, ModelSeries>();
  readonly #other: ModelSeries;
  readonly #lostBySlot = new Map<number, number>();
  readonly #dropped = new Map<string, number>();
  readonly #maxModels: number;
  readonly #maxVersions: number;
  readonly #epochMs: () => number;
  readonly #exposition: Exposition;
  /** All metrics of the page, to be read. */
  readonly collected: readonly CollectedMetric[];

  constructor(options: MetricsOptions = {}) {
    const {
      readers = {},
      more = [],
      maxModels = 200,
      maxVersions = 50,
      epochMs = wallClockMs,
      gather,
    } = options;
    this.#epochMs = epochMs;
    this.#maxModels = maxModels;
    this.#maxVersions = maxVersions;
    this.#other = new ModelSeries(OTHER, maxVersions);
    const histogram = (of: (series: VersionSeries) => Buckets) => () =>
      this.#perVersion((series) => [{ labels: series.labels, buckets: of(series) }]);
    const counts = (label: string, of: (series: VersionSeries) => ReadonlyMap<string, number>) => () =>
      this.#perVersion((series) => keyed(of(series), label, series.labels));
    const collectors: Partial<Record<MetricName, () => readonly Sample[]>> = {
      sluice_requests_total: counts('code', ({ codes }) => codes),
      sluice_request_duration_seconds: histogram(({ duration }) => duration),
      sluice_request_queue_duration_seconds: histogram(({ queue }) => queue),
      sluice_request_bytes: histogram(({ requestBytes }) => requestBytes),
      sluice_request_rows: histogram(({ requestRows }) => requestRows),
      sluice_requests_refused_total: counts('reason', ({ refusals }) => refusals),
      sluice_batch_rows: histogram(({ rows }) => rows),
      sluice_batch_requests: histogram(({ batchRequests }) => batchRequests),
      sluice_batches_closed_total: counts('reason', ({ closings }) => closings),
      sluice_batch_input_duration_seconds: histogram(({ input }) => input),
      sluice_batch_compute_duration_seconds: histogram(({ compute }) => compute),
      sluice_batch_output_duration_seconds: histogram(({ output }) => output),
      sluice_batch_retries_total: counts('reason', ({ retries }) => retries),
      sluice_model_bad_outputs_total: counts('kind', ({ badOutputs }) => badOutputs),
      sluice_model_loads_total: counts('outcome', ({ loads }) => loads),
      sluice_model_load_duration_seconds: histogram(({ loadTimes }) => loadTimes),
      sluice_workers_lost_total: () => keyed(this.#lostBySlot, 'slot'),
      sluice_answers_dropped_total: () => keyed(this.#dropped, 'kind'),
      ...Object.fromEntries(
        Object.entries(readers).map(([name, read]) => [name, () => readSamples(name as ReaderName, read)]),
      ),
    };
    const table = Object.entries(METRICS) as [MetricName, MetricSpec][];
    const own = table.flatMap(([name, spec]) => {
      const collect = collectors[name];
      return collect === undefined ? [] : [{ name, spec, collect }];
    });
    this.collected = [...own, ...more];
    this.#exposition = new Exposition(this.collected, gather);
  }

  /**
   * The page as of now.
   *
   * @param accept what the scraper takes, as its header says @default Prometheus' text format
   */
  render(accept?: string): Promise<MetricsPage> {
    return this.#exposition.render(accept);
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
    bytes?: number,
  ): void {
    const series = this.#known(model, version > 0).version(version);
    increment(series.codes, code);
    series.duration.add(totalMs / 1000);
    if (bytes !== undefined) series.requestBytes.add(bytes);
    if (timing === undefined) return;
    series.queue.add(timing.queueMs / 1000);
    series.requestRows.add(timing.rows ?? 1);
  }

  refused(model: string, version: number, reason: Reason): void {
    increment(this.#known(model, version > 0).version(version).refusals, reason);
  }

  batch(run: RecordedRun): void {
    const series = this.#known(run.model, true).version(run.version);
    increment(series.closings, run.why);
    series.rows.add(run.rows);
    series.batchRequests.add(run.requests);
    series.input.add(run.inputMs / 1000);
    series.compute.add(run.computeMs / 1000);
    series.output.add(run.outputMs / 1000);
  }

  retried(model: string, version: number, why: RetryReason): void {
    increment(this.#known(model, true).version(version).retries, why);
  }

  badOutput(model: string, version: number, kind: BadOutput): void {
    increment(this.#known(model, true).version(version).badOutputs, kind);
  }

  loaded(model: string, version: number, outcome: 'available' | 'failed', durationMs: number): void {
    const series = this.#known(model, true).version(version);
    increment(series.loads, outcome);
    if (outcome === 'available') series.loadTimes.add(durationMs / 1000);
  }

  /** The reason is free text: it belongs into the log, not into a label. */
  workerLost(slotIndex: number, _reason: string): void {
    increment(this.#lostBySlot, Math.min(slotIndex, MAX_SLOTS));
  }

  dropped(what: 'late_answer' | 'double_answer'): void {
    increment(this.#dropped, what);
  }

  called({ countedModel, countedVersion, totalMs, queueMs }: CallTrace, span: SpanIdentity): void {
    if (totalMs < 0) return;
    const series = this.#known(countedModel, countedVersion > 0).version(countedVersion);
    const at = this.#epochMs() / 1000;
    series.duration.exemplify(totalMs / 1000, span, at);
    if (queueMs >= 0) series.queue.exemplify(queueMs / 1000, span, at);
  }

  ran({ model, version, inputMs, computeMs, outputMs }: BatchTrace, span: SpanIdentity): void {
    if (computeMs < 0) return;
    const series = this.#known(model, true).version(version);
    const at = this.#epochMs() / 1000;
    series.input.exemplify(inputMs / 1000, span, at);
    series.compute.exemplify(computeMs / 1000, span, at);
    series.output.exemplify(outputMs / 1000, span, at);
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

  #perVersion(samples: (series: VersionSeries) => readonly Sample[]): Sample[] {
    return this.#all().flatMap(({ versions }) => [...versions.values()].flatMap(samples));
  }

  #all(): ModelSeries[] {
    return [...this.#models.values(), this.#other];
  }
}

function keyed(
  counts: ReadonlyMap<unknown, number>,
  label: string,
  more: Readonly<Record<string, string>> = {},
): Sample[] {
  return [...counts].map(([key, value]) => ({ labels: { ...more, [label]: String(key) }, value }));
}

/** A reader that fails or answers nonsense costs its own metric, never the page. */
function readSamples(name: ReaderName, read: MetricReader): Sample[] {
  let value: ReturnType<MetricReader>;
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

function isSamples(value: ReturnType<MetricReader>): value is readonly ReadSample[] {
  return Array.isArray(value);
}
