import type { CloseReason } from '../core/close-reason.js';
import type { Reason, StatusCode } from '../core/error.js';
import { OTHER } from '../core/recorder.js';
import { Buckets } from './buckets.js';
import { METRICS } from './metric-table.js';

/** What is counted per model version. */
export class VersionSeries {
  readonly model: string;
  /** As a label: `''` for none. */
  readonly version: string;
  readonly codes = new Map<StatusCode | 'OK', number>();
  readonly closings = new Map<CloseReason, number>();
  readonly duration = new Buckets(METRICS.sluice_request_duration_seconds.buckets);
  readonly queue = new Buckets(METRICS.sluice_request_queue_duration_seconds.buckets);
  readonly rows = new Buckets(METRICS.sluice_batch_rows.buckets);
  readonly compute = new Buckets(METRICS.sluice_batch_compute_duration_seconds.buckets);

  constructor(model: string, version: string) {
    this.model = model;
    this.version = version;
  }
}

/** What is counted per model, and its versions. */
export class ModelSeries {
  readonly model: string;
  readonly reasons = new Map<Reason, number>();
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
    const key = version === 0 || this.versions.size < this.#maxVersions ? version : -1;
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
