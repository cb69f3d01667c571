import type { Reason } from '../core/error.js';
import type { ModelVersion } from '../core/model.js';
import type { VersionStatistics } from '../core/statistics.js';
import type { CollectedMetric, Sample } from './exposition.js';
import { counter, gauge, type MetricSpec } from './metric-spec.js';

/** Where the figures are read. */
export interface TritonSource {
  /** Versions that can be called. */
  versions(): readonly ModelVersion[];
  statistics(version: ModelVersion): VersionStatistics;
  /** Its requests that have failed, by reason. */
  failures(version: ModelVersion): ReadonlyMap<Reason, number>;
  /** Requests that wait for a batch now; a version that is not there has none. */
  pending(): readonly (ModelVersion & { readonly queuedRequests: number })[];
}

/** Triton's words for why a request has failed, in the label `reason`. */
export type TritonReason = 'REJECTED' | 'CANCELED' | 'BACKEND' | 'OTHER';

/** Which of Triton's words stands for which of ours; what is not here is OTHER. */
export const TRITON_REASONS: Readonly<Partial<Record<Reason, TritonReason>>> = {
  queue_full: 'REJECTED',
  byte_budget: 'REJECTED',
  backlog: 'REJECTED',
  early_drop: 'REJECTED',
  too_short: 'REJECTED',
  queue_timeout: 'REJECTED',
  quota: 'REJECTED',
  front_end: 'REJECTED',
  no_worker: 'REJECTED',
  draining: 'REJECTED',
  cancelled: 'CANCELED',
  deadline_passed: 'CANCELED',
  worker_fault: 'BACKEND',
  poison: 'BACKEND',
  quarantined: 'BACKEND',
  model_error: 'BACKEND',
};

const VERSION = ['model', 'version'];
const time = (help: string): MetricSpec => counter(VERSION, help, 'microseconds');

/** The metrics of Triton that dashboards and autoscaling rules read, by its names, labels and units. */
export const TRITON_METRICS = {
  nv_inference_request_success: counter(VERSION, 'Requests answered.'),
  nv_inference_request_failure: counter(
    [...VERSION, 'reason'],
    'Requests that failed after their version was known, by reason: REJECTED, CANCELED, BACKEND or OTHER.',
  ),
  nv_inference_count: counter(VERSION, 'Inferences: rows that were run.', 'rows'),
  nv_inference_exec_count: counter(VERSION, 'Runs of the model: batches.'),
  nv_inference_request_duration_us: time('Time of answered requests from arrival to answer.'),
  nv_inference_queue_duration_us: time('Time that answered requests waited for a worker.'),
  nv_inference_compute_input_duration_us: time(
    'Time in which the rows of the batches of answered requests were copied together, in full for each request.',
  ),
  nv_inference_compute_infer_duration_us: time(
    'Time of the runs that answered requests were part of, in full for each request.',
  ),
  nv_inference_compute_output_duration_us: time(
    'Time in which the outputs of the batches of answered requests were handed back, in full for each request.',
  ),
  nv_inference_pending_request_count: gauge(VERSION, 'Requests that wait for a batch now.'),
} satisfies Readonly<Record<string, MetricSpec>>;

type TritonName = keyof typeof TRITON_METRICS;

/** More versions than a page is good for. */
const MAX_VERSIONS = 1000;

interface Figures extends ModelVersion {
  readonly statistics: VersionStatistics;
  readonly failures: Readonly<Record<TritonReason, number>>;
  readonly pending: number;
}

/**
 * Triton's metrics, for a page that has them, too. All of a version's series are there from the moment at which it can be called,
 * at zero, and go with it, as in Triton; nothing is counted for them that ModelStatistics does not count anyway.
 */
export function tritonMetrics(source: TritonSource): CollectedMetric[] {
  const figures = oncePerPage(() => figuresOf(source));
  const us = (of: (statistics: VersionStatistics) => { readonly ms: number }) => (version: Figures) =>
    Math.round(of(version.statistics).ms * 1000);
  const values: Readonly<Record<Exclude<TritonName, typeof FAILURE>, (version: Figures) => number>> = {
    nv_inference_request_success: ({ statistics }) => statistics.success.count,
    nv_inference_count: ({ statistics }) => statistics.inferences,
    nv_inference_exec_count: ({ statistics }) => statistics.executions,
    nv_inference_request_duration_us: us(({ success }) => success),
    nv_inference_queue_duration_us: us(({ queue }) => queue),
    nv_inference_compute_input_duration_us: us(({ input }) => input),
    nv_inference_compute_infer_duration_us: us(({ compute }) => compute),
    nv_inference_compute_output_duration_us: us(({ output }) => output),
    nv_inference_pending_request_count: ({ pending }) => pending,
  };
  return (Object.keys(TRITON_METRICS) as TritonName[]).map((name) => ({
    name,
    spec: TRITON_METRICS[name],
    collect: (): readonly Sample[] =>
      name === FAILURE
        ? figures().flatMap(failureSamples)
        : figures().map((version) => ({ labels: labelsOf(version), value: values[name](version) })),
  }));
}

const FAILURE = 'nv_inference_request_failure';

function figuresOf(source: TritonSource): Figures[] {
  const keyOf = ({ model, version }: ModelVersion): string => `${version} ${model}`;
  const pending = new Map(source.pending().map((lane) => [keyOf(lane), lane.queuedRequests]));
  return source
    .versions()
    .slice(0, MAX_VERSIONS)
    .map(({ model, version }) => {
      const of = { model, version };
      const statistics = source.statistics(of);
      const failures = failuresOf(statistics.fail.count, source.failures(of));
      return { ...of, statistics, failures, pending: pending.get(keyOf(of)) ?? 0 };
    });
}

function failuresOf(
  failed: number,
  byReason: ReadonlyMap<Reason, number>,
): Readonly<Record<TritonReason, number>> {
  const failures = { REJECTED: 0, CANCELED: 0, BACKEND: 0, OTHER: 0 };
  let told = 0;
  for (const [reason, count] of byReason) {
    failures[TRITON_REASONS[reason] ?? 'OTHER'] += count;
    told += count;
  }
  // Those that failed for no reason that has a name.
  failures.OTHER += Math.max(0, failed - told);
  return failures;
}

function failureSamples(version: Figures): Sample[] {
  return Object.entries(version.failures).map(([reason, value]) => ({
    labels: { ...labelsOf(version), reason },
    value,
  }));
}

function labelsOf({ model, version }: ModelVersion): Readonly<Record<string, string>> {
  return { model, version: String(version) };
}

/** What is read in one turn of the event loop is good for all the metrics of a page, and for no later page. */
function oncePerPage<T>(read: () => T): () => T {
  let kept: { readonly value: T } | undefined;
  return () => {
    if (kept === undefined) {
      kept = { value: read() };
      setImmediate(() => {
        kept = undefined;
      });
    }
    return kept.value;
  };
}
