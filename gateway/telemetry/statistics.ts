import { wallClockMs } from '../core/clock.js';
import type { Reason, StatusCode } from '../core/error.js';
import type { InferTiming } from '../core/infer-call.js';
import type { ModelVersion } from '../core/model.js';
import type { BadOutput, RecordedRun, Recorder, RetryReason } from '../core/recorder.js';
import type { StatisticsSource, VersionStatistics } from '../core/statistics.js';
import { VersionCounters } from './version-counters.js';

export interface StatisticsOptions {
  /** Milliseconds since the epoch. @default the machine's clock */
  readonly epochMs?: () => number;
  /** Most versions counted at a time; those that are unloaded make room. @default 65536 */
  readonly maxVersions?: number;
}

/** A version that nothing was recorded of. */
const NONE = new VersionCounters();
const NOTHING = NONE.read();

/**
 * What each model version has done: a Recorder in front of another one, which it tells everything. Unlike the metrics it
 * counts every version that was resolved, however many, since each is asked for by its name; those unloaded are forgotten.
 */
export class Statistics implements Recorder, StatisticsSource {
  readonly #next: Recorder | undefined;
  readonly #epochMs: () => number;
  readonly #maxVersions: number;
  /** By model, then version: a key made of both would cost a text per request. */
  readonly #models = new Map<string, Map<number, VersionCounters>>();
  #versions = 0;

  /** @param next told everything, too; undefined where there are no metrics */
  constructor(
    next: Recorder | undefined,
    { epochMs = wallClockMs, maxVersions = 65_536 }: StatisticsOptions = {},
  ) {
    this.#next = next;
    this.#epochMs = epochMs;
    this.#maxVersions = maxVersions;
  }

  read(model: string, version: number): VersionStatistics {
    return this.#models.get(model)?.get(version)?.read() ?? NOTHING;
  }

  /** Requests of a version that have failed, by why. */
  failures(model: string, version: number): ReadonlyMap<Reason, number> {
    return (this.#models.get(model)?.get(version) ?? NONE).failures;
  }

  /** To be called when a version was unloaded: should it come back, it starts afresh, as in Triton. */
  forget({ model, version }: ModelVersion): void {
    const versions = this.#models.get(model);
    if (versions?.delete(version)) this.#versions--;
    if (versions?.size === 0) this.#models.delete(model);
  }

  request(
    model: string,
    version: number,
    code: StatusCode | 'OK',
    totalMs: number,
    timing: InferTiming | undefined,
    bytes?: number,
  ): void {
    // A request whose version was not found out is no version's.
    if (version > 0) {
      const counters = this.#counters(model, version);
      if (timing === undefined) counters?.failed(totalMs);
      else counters?.answered(totalMs, timing);
    }
    this.#next?.request(model, version, code, totalMs, timing, bytes);
  }

  batch(run: RecordedRun): void {
    this.#counters(run.model, run.version)?.ran(run, this.#epochMs());
    this.#next?.batch(run);
  }

  refused(model: string, version: number, reason: Reason): void {
    if (version > 0) this.#counters(model, version)?.failedFor(reason);
    this.#next?.refused(model, version, reason);
  }

  retried(model: string, version: number, why: RetryReason): void {
    this.#next?.retried(model, version, why);
  }

  badOutput(model: string, version: number, kind: BadOutput): void {
    this.#next?.badOutput(model, version, kind);
  }

  loaded(model: string, version: number, outcome: 'available' | 'failed', durationMs: number): void {
    this.#next?.loaded(model, version, outcome, durationMs);
  }

  workerLost(slotIndex: number, reason: string): void {
    this.#next?.workerLost(slotIndex, reason);
  }

  dropped(what: 'late_answer' | 'double_answer'): void {
    this.#next?.dropped(what);
  }

  #counters(model: string, version: number): VersionCounters | undefined {
    const known = this.#models.get(model)?.get(version);
    if (known !== undefined) return known;
    if (this.#versions >= this.#maxVersions) return undefined;
    const counters = new VersionCounters();
    const versions = this.#models.get(model);
    if (versions === undefined) this.#models.set(model, new Map([[version, counters]]));
    else versions.set(version, counters);
    this.#versions++;
    return counters;
  }
}
