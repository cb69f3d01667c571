import type { CloseReason } from '../core/close-reason.js';
import type { Reason, StatusCode } from '../core/error.js';
import { type BadOutput, OTHER, type RetryReason } from '../core/recorder.js';
import { Buckets } from './buckets.js';
import { METRICS } from './metric-table.js';

/** What is counted per model version. */
export class VersionSeries {
  /** Of its series; a version that is none is `''`. */
  readonly labels: Readonly<Record<'model' | 'version', string>>;
  readonly codes = new Map<StatusCode | 'OK', number>();
  readonly closings = new Map<CloseReason, number>();
  readonly refusals = new Map<Reason, number>();
  readonly retries = new Map<RetryReason, number>();
  readonly badOutputs = new Map<BadOutput, number>();
  readonly loads = new Map<'available' | 'failed', number>();
  readonly duration = new Buckets(METRICS.sluice_request_duration_seconds.buckets);
  readonly queue = new Buckets(METRICS.sluice_request_queue_duration_seconds.buckets);
  readonly rows = new Buckets(METRICS.sluice_batch_rows.buckets);
  readonly requestRows = new Buckets(METRICS.sluice_request_rows.buckets);
  readonly requestBytes = new Buckets(METRICS.sluice_request_bytes.buckets);
  readonly batchRequests = new Buckets(METRICS.sluice_batch_requests.buckets);
  readonly input = new Buckets(METRICS.sluice_batch_input_duration_seconds.buckets);
  readonly compute = new Buckets(METRICS.sluice_batch_compute_duration_seconds.buckets);
  readonly output = new Buckets(METRICS.sluice_batch_output_duration_seconds.buckets);
  readonly loadTimes = new Buckets(METRICS.sluice_model_load_duration_seconds.buckets);

  constructor(model: string, version: string) {
    this.labels = { model, version };
  }
}

/** A model's versions. */
export class ModelSeries {
  readonly model: string;
  readonly versions = new Map<number, VersionSeries>();
  readonly #maxVersions: number;

  constructor(model: string, maxVersions: number) {
    this.model = model;
    this.#maxVersions = maxVersions;
  }

  /** The series of a version, 0 for none; those above the bound share one. */
  version(version: number): VersionSeries {
    const known = this.versions.get(version);
    if (known !== undefined) return known;
    // -1 is no version's number.
    const numbered = this.versions.size - (this.versions.has(0) ? 1 : 0) - (this.versions.has(-1) ? 1 : 0);
    const key = version === 0 || numbered < this.#maxVersions ? version : -1;
    let series = this.versions.get(key);
    if (series === undefined) {
      series = new VersionSeries(this.model, key === 0 ? '' : key === -1 ? OTHER : String(version));
      this.versions.set(key, series);
    }
    return series;
  }
}

/** Adds one under a key. */
export function increment<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
