/**
 * Every metric there is: the one table that /metrics, help and documents are made from. Prefix `sluice_`, base units
 * (seconds, bytes), as Prometheus asks. A counter or histogram is fed by the Recorder, a gauge read at scrape.
 */
export interface MetricSpec {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  /** `1` for counts. */
  readonly unit: 'seconds' | 'bytes' | 'rows' | '1';
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, ascending; +Inf is implied. */
  readonly buckets?: readonly number[];
}

/** 100 µs to 30 s: from a trivial model on an idle server to the longest default deadline. */
const SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];

export const METRICS = {
  sluice_requests_total: {
    type: 'counter',
    unit: '1',
    labels: ['model', 'version', 'code'],
    help: 'Inference requests that have ended, by status code. version is empty where none was resolved.',
  },
  sluice_request_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['model', 'version'],
    buckets: SECONDS,
    help: 'Time from the arrival of a request to its answer or failure.',
  },
  sluice_request_queue_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['model', 'version'],
    buckets: SECONDS,
    help: 'Time that an answered request waited for its batch to be sent to a worker.',
  },
  sluice_requests_refused_total: {
    type: 'counter',
    unit: '1',
    labels: ['model', 'reason'],
    help: 'Requests that were refused or failed, by reason.',
  },
  sluice_batch_rows: {
    type: 'histogram',
    unit: 'rows',
    labels: ['model', 'version'],
    buckets: ROWS,
    help: 'Rows of a batch that has run. The sum counts inferences, the count runs.',
  },
  sluice_batches_closed_total: {
    type: 'counter',
    unit: '1',
    labels: ['model', 'version', 'reason'],
    help: 'Batches that have run, by why they were closed: full, knee (more rows bring nothing), deadline (a smaller one saved it), idle (nothing else waited), preferred, delay, again (part of a rejected one).',
  },
  sluice_batch_compute_duration_seconds: {
    type: 'histogram',
    unit: 'seconds',
    labels: ['model', 'version'],
    buckets: SECONDS,
    help: 'Time of one run of the model, as its worker measured it.',
  },
  sluice_workers_lost_total: {
    type: 'counter',
    unit: '1',
    labels: ['slot'],
    help: 'Workers that ended unexpectedly and were replaced.',
  },
  sluice_answers_dropped_total: {
    type: 'counter',
    unit: '1',
    labels: ['kind'],
    help: 'Answers of workers that had no taker any more: late or doubled.',
  },
  sluice_log_lines_dropped_total: {
    type: 'counter',
    unit: '1',
    labels: [],
    help: 'Log lines given up because the output was closed or did not keep up.',
  },
  sluice_trace_spans_total: {
    type: 'counter',
    unit: '1',
    labels: ['outcome'],
    help: 'Spans of traces by what became of them: exported, dropped (there was no room or no time) or failed (the collector did not take them).',
  },
  sluice_queue_rows: { type: 'gauge', unit: 'rows', labels: [], help: 'Rows that wait for a batch now.' },
  sluice_queue_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: [],
    help: 'Bytes of tensors held for requests that wait or run.',
  },
  sluice_calls_in_flight: { type: 'gauge', unit: '1', labels: [], help: 'Calls accepted and not yet ended.' },
  sluice_slots: { type: 'gauge', unit: '1', labels: ['state'], help: 'Places for workers, by state.' },
  sluice_workers_wanted: {
    type: 'gauge',
    unit: '1',
    labels: [],
    help: 'Workers that should be in rotation: fewer ready and busy slots mean degraded capacity.',
  },
  sluice_labels_generation: {
    type: 'gauge',
    unit: '1',
    labels: [],
    help: 'Generation of the labels in force here: replicas that agree have the same one.',
  },
  sluice_model_versions_quarantined: {
    type: 'gauge',
    unit: '1',
    labels: [],
    help: 'Model versions that are not run, since they have ended the workers that ran them.',
  },
  sluice_model_versions: {
    type: 'gauge',
    unit: '1',
    labels: ['state'],
    help: 'Model versions that are known, by state.',
  },
  sluice_model_memory_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['model', 'version'],
    help: 'Memory that a version takes on all its workers, as measured when it was prepared.',
  },
  sluice_event_loop_delay_seconds: {
    type: 'gauge',
    unit: 'seconds',
    labels: ['quantile'],
    help: "How late the gateway's event loop was since the last scrape.",
  },
  sluice_process_memory_bytes: {
    type: 'gauge',
    unit: 'bytes',
    labels: ['kind'],
    help: 'Memory of the process: resident, JavaScript heap in use, and array buffers.',
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;

export type MetricName = keyof typeof METRICS;
/** Metrics that are read by a callback at scrape. */
export type GaugeName = {
  [N in MetricName]: (typeof METRICS)[N]['type'] extends 'gauge' ? N : never;
}[MetricName];
