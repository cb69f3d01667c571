import { counter, histogram } from './metric-spec.js';

/** 100 µs to 30 s: from a trivial model on an idle server to the longest default deadline. */
const SECONDS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
/** 5 µs to 100 ms: copies of a few bytes, and of many megabytes. */
const COPY_SECONDS = [
  0.000005, 0.00001, 0.000025, 0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.005, 0.025, 0.1,
];
/** From a model of a few kilobytes to one that takes all the time that its preparation may. */
const LOAD_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096];

/** From a row of a few numbers to the largest message that the default limit allows. */
const BYTES = [1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864];

const VERSION = ['model', 'version'];

/** What the request path and the registry count: the Recorder feeds them. */
export const REQUEST_METRICS = {
  sluice_requests_total: counter(
    [...VERSION, 'code'],
    'Inference requests that have ended, by status code. version is empty where none was resolved.',
  ),
  sluice_request_duration_seconds: histogram(
    'seconds',
    SECONDS,
    VERSION,
    'Time from the arrival of a request to its answer or failure.',
  ),
  sluice_request_queue_duration_seconds: histogram(
    'seconds',
    SECONDS,
    VERSION,
    'Time that an answered request waited for its batch to be sent to a worker.',
  ),
  sluice_request_bytes: histogram(
    'bytes',
    BYTES,
    VERSION,
    "Size of a request's message, whatever became of it.",
  ),
  sluice_request_rows: histogram('rows', ROWS, VERSION, 'Rows of an answered request.'),
  sluice_requests_refused_total: counter(
    [...VERSION, 'reason'],
    'Requests that were refused or failed, by reason. version is empty where none was resolved.',
  ),
  sluice_batch_rows: histogram(
    'rows',
    ROWS,
    VERSION,
    'Rows of a batch that has run. The sum counts inferences, the count runs.',
  ),
  sluice_batch_requests: histogram('1', ROWS, VERSION, 'Requests of a batch that has run.'),
  sluice_batches_closed_total: counter(
    [...VERSION, 'reason'],
    'Batches that have run, by why they were closed: full, knee (more rows bring nothing), deadline (a smaller one saved it), idle (nothing else waited), preferred, delay, again (part of a rejected one).',
  ),
  sluice_batch_input_duration_seconds: histogram(
    'seconds',
    COPY_SECONDS,
    VERSION,
    "Compute input: time to copy the rows of a batch's requests together for its worker.",
  ),
  sluice_batch_compute_duration_seconds: histogram(
    'seconds',
    SECONDS,
    VERSION,
    'Compute infer: time of one run of the model, as its worker measured it.',
  ),
  sluice_batch_output_duration_seconds: histogram(
    'seconds',
    COPY_SECONDS,
    VERSION,
    "Compute output: time to check a batch's outputs and to hand their rows back to its requests.",
  ),
  sluice_batch_retries_total: counter(
    [...VERSION, 'reason'],
    'Batches that were run once more, by why: fault (as a whole, since its worker has failed), poison (in halves, since it has ended several workers), rejected (in halves, since the model has refused it).',
  ),
  sluice_model_bad_outputs_total: counter(
    [...VERSION, 'kind'],
    'Outputs of runs that were not what the model declares: missing, shape (not the rows of its batch), size (bytes that do not fit its shape); and nan: floats among which is one that is not a number. Only the last are answered.',
  ),
  sluice_model_loads_total: counter(
    [...VERSION, 'outcome'],
    'Attempts to prepare and load a version that have ended, by outcome: available or failed.',
  ),
  sluice_model_load_duration_seconds: histogram(
    'seconds',
    LOAD_SECONDS,
    VERSION,
    'Time from the beginning of an attempt to load a version until it was available: preparation and the loads of all workers.',
  ),
  sluice_workers_lost_total: counter(['slot'], 'Workers that ended unexpectedly and were replaced.'),
  sluice_answers_dropped_total: counter(
    ['kind'],
    'Answers of workers that had no taker any more: late or doubled.',
  ),
};
