import { type Line, lineThrough, type Point } from './line-fit.js';
import { RollingQuantile } from './rolling-quantile.js';

/** What a run is taken to last before anything is known of it. */
const UNKNOWN_MS = 1;
/** Sizes up to 2^20 rows are told apart by powers of two. */
const BUCKETS = 21;
/** Weight of a new run in the mean of its size. */
const NEW_WEIGHT = 0.2;
/** A run that took longer or shorter than this factor changes the mean as if by the factor: a pause is not a slow machine. */
const MAX_SURPRISE = Math.log(2);
/** A size that was not run for this long counts half against the others. */
const HALF_LIFE_MS = 2000;
/** What a size that was not run for ages still counts: enough to tell fixed from per row, where only one size runs. */
const MIN_WEIGHT = 0.01;
/** The line is fitted anew after so many runs, or this long after the last time: short runs come by the thousand. */
const FIT_EVERY = 16;
const FIT_EVERY_MS = 10;
/** The share of recent runs that the guard covers. */
const GUARD_QUANTILE = 0.95;
/** The same for what comes beside a run: a front end that lets one worker wait makes a whole batch late, so the rare long ones count. */
const OVERHEAD_QUANTILE = 0.99;

/** A run of a batch: its rows and how long session.run took. */
export interface LatencySample {
  readonly rows: number;
  readonly ms: number;
}

/** Runs of about one size. */
interface Size {
  /** Mean of their rows. */
  rows: number;
  /** Mean of log(time / what the reference says of it). */
  surprise: number;
  observedAt: number;
}

/**
 * How long a batch of b rows of one model version runs: l(b) = a + c*b milliseconds, learned from recent runs, and how much
 * longer the slower ones of them take.
 *
 * The times of preparation are the reference: they tell how sizes relate. Each run corrects the mean of its size; a size that
 * has not run lately is corrected as those that have, so that a machine that slows down slows all of them. The line is fitted to
 * the corrected means, the recent ones first. Guards of this kind: Gujarati et al., "Serving DNNs like Clockwork", OSDI 2020.
 */
export class LatencyModel {
  readonly #sizes: (Size | undefined)[] = new Array(BUCKETS).fill(undefined);
  /** Runs of `session.run` against the line, and what a batch takes beside its run. */
  readonly #ratios = new RollingQuantile(64, GUARD_QUANTILE);
  readonly #overheads = new RollingQuantile(64, OVERHEAD_QUANTILE);
  /** Buckets of which anything is known. */
  readonly #seen = new Set<number>();
  #reference: Line | undefined;
  readonly #seeds: readonly Point[];
  #line: Line = { fixedMs: UNKNOWN_MS, perRowMs: 0 };
  #observedAt = Number.NEGATIVE_INFINITY;
  /** Runs since the line was fitted, and when that was. */
  #unfitted = 0;
  #fittedAt = Number.NEGATIVE_INFINITY;

  constructor(seed: readonly LatencySample[] = []) {
    this.#seeds = seed
      .filter(({ rows, ms }) => plausible(rows, ms))
      .map((sample) => ({ ...sample, weight: 1 }));
    this.#reference = lineThrough(this.#seeds);
    if (this.#reference !== undefined) this.#line = this.#reference;
    for (const { rows } of this.#seeds) this.#seen.add(bucketOf(rows));
  }

  /** Whether anything is known: by preparation or by runs. */
  get known(): boolean {
    return this.#reference !== undefined;
  }

  /** When a run was last observed, on the Clock's scale; -Infinity for never. */
  get observedAt(): number {
    return this.#observedAt;
  }

  /** Whether runs of different sizes are known, so that it is known what a larger batch costs. */
  get knowsSizes(): boolean {
    return this.#seen.size >= 2;
  }

  /** Learns from a run that ended at `now`. One that cannot be true (no rows, a negative or infinite time) is ignored. */
  observe(rows: number, ms: number, now: number): void {
    if (!plausible(rows, ms)) return;
    // The first run of all was predicted by nobody: how wrong a guess was says nothing of how much runs differ.
    if (this.#reference === undefined) this.#reference = { fixedMs: 0, perRowMs: ms / rows };
    else this.#ratios.add(ms / Math.max(this.estimateMs(rows), Number.MIN_VALUE));
    const surprise = Math.log(Math.max(ms, 1e-6) / Math.max(at(this.#reference, rows), 1e-6));
    const bucket = bucketOf(rows);
    const size = this.#sizes[bucket];
    this.#seen.add(bucket);
    if (size === undefined) this.#sizes[bucket] = { rows, surprise: bounded(surprise), observedAt: now };
    else {
      size.surprise += NEW_WEIGHT * bounded(surprise - size.surprise);
      size.rows += NEW_WEIGHT * (rows - size.rows);
      size.observedAt = now;
    }
    this.#observedAt = now;
    if (++this.#unfitted >= FIT_EVERY || now - this.#fittedAt >= FIT_EVERY_MS) this.#refit(now);
  }

  /** Learns what a batch took beside its run: to the worker, back, and to its callers. */
  observeOverhead(ms: number): void {
    if (ms >= 0 && ms < 1000) this.#overheads.add(ms);
  }

  /** The learned line. */
  get line(): Line {
    return this.#line;
  }

  /** Predicted milliseconds of a run of `rows` rows: finite, never negative, never less for more rows. */
  estimateMs(rows: number): number {
    return at(this.#line, rows);
  }

  /**
   * Within how many milliseconds a batch of `rows` rows is answered, 19 times of 20. What is seen of the overhead counts twice: a busy
   * front end lets requests wait before it reads them, and answers before they leave, as long as it lets workers wait.
   */
  guardMs(rows: number): number {
    return this.estimateMs(rows) * this.guardRatio + 2 * this.#overheads.value;
  }

  /** What a batch takes beside its run, 99 times of 100. */
  get overheadMs(): number {
    return this.#overheads.value;
  }

  /** How much longer than the line the slower runs take: at least 1. */
  get guardRatio(): number {
    return Math.max(1, this.#ratios.value);
  }

  #refit(now: number): void {
    this.#unfitted = 0;
    this.#fittedAt = now;
    this.#line = this.#fit() ?? this.#line;
  }

  #fit(): Line | undefined {
    const reference = this.#reference as Line;
    let weights = 0;
    let surprises = 0;
    const points: Point[] = [];
    const recent = (observedAt: number): number => 2 ** ((observedAt - this.#observedAt) / HALF_LIFE_MS);
    for (const size of this.#sizes) {
      if (size === undefined) continue;
      // Squared: the few that run now must not be outvoted by the many that did once.
      const weight = recent(size.observedAt) ** 2;
      weights += weight;
      surprises += weight * size.surprise;
    }
    const common = weights > 0 ? surprises / weights : 0;
    for (const [bucket, size] of this.#sizes.entries()) {
      const seed = this.#seeds.find(({ rows }) => bucketOf(rows) === bucket);
      const rows = size?.rows ?? seed?.rows;
      if (rows === undefined) continue;
      const weight = size === undefined ? 0 : recent(size.observedAt);
      const surprise = weight * (size?.surprise ?? 0) + (1 - weight) * common;
      points.push({
        rows,
        ms: at(reference, rows) * Math.exp(surprise),
        weight: Math.max(weight, MIN_WEIGHT),
      });
    }
    return lineThrough(points);
  }
}

function at({ fixedMs, perRowMs }: Line, rows: number): number {
  return fixedMs + perRowMs * rows;
}

function bounded(surprise: number): number {
  return Math.max(-MAX_SURPRISE, Math.min(MAX_SURPRISE, surprise));
}

function bucketOf(rows: number): number {
  return Math.min(BUCKETS - 1, 31 - Math.clz32(Math.max(1, rows)));
}

function plausible(rows: number, ms: number): boolean {
  return rows >= 1 && ms >= 0 && ms !== Number.POSITIVE_INFINITY;
}
