import type { LatencyData } from './contract.js';

/** Values are counted in whole tenths of a microsecond. */
const UNITS_PER_MS = 1e4;
/** Buckets per doubling; below 2^8 units a bucket is one unit wide, above it at most 1/128 of its value. */
const SUB_BUCKETS = 128;
/** 30 hours. Anything longer is counted there. */
const MAX_UNITS = 2 ** 40 - 1;
const BUCKETS = bucketOf(MAX_UNITS) + 1;

/** The bucket of a whole number of units, 0 to MAX_UNITS. */
function bucketOf(units: number): number {
  if (units < 2 * SUB_BUCKETS) return units;
  // Bitwise operators see 32 bits only: longer values are shortened first.
  const shortened = units >= 2 ** 31 ? 10 : 0;
  const word = shortened === 0 ? units : Math.floor(units / 1024);
  const shift = 31 - Math.clz32(word) - 7;
  return (shift + shortened) * SUB_BUCKETS + (word >>> shift);
}

/** Middle of a bucket, in milliseconds. */
function middleOf(bucket: number): number {
  if (bucket < 2 * SUB_BUCKETS) return (bucket + 0.5) / UNITS_PER_MS;
  const shift = Math.floor(bucket / SUB_BUCKETS) - 1;
  const sub = SUB_BUCKETS + (bucket % SUB_BUCKETS);
  return ((sub + 0.5) * 2 ** shift) / UNITS_PER_MS;
}

/**
 * How often each latency was seen: a log-linear histogram of ours, since the one of perf_hooks can neither be sent to
 * another process nor be merged with, or read out as, buckets. Recording is O(1) and allocates nothing; a quantile is off by
 * less than 0.4% or 0.05 us, whichever is more; minimum, maximum and sum are exact. 17 KiB once something was recorded.
 */
export class LatencyCounts {
  #counts: Uint32Array | undefined;
  #count = 0;
  #minMs = Number.POSITIVE_INFINITY;
  #maxMs = 0;
  #sumMs = 0;

  /** As `toData` left it. Buckets out of range are ignored. */
  static from(data: LatencyData): LatencyCounts {
    const counts = new LatencyCounts();
    counts.add(data);
    return counts;
  }

  /** How many were recorded. */
  get count(): number {
    return this.#count;
  }

  /** 0 when nothing was recorded. */
  get minMs(): number {
    return this.#count === 0 ? 0 : this.#minMs;
  }

  /** 0 when nothing was recorded. */
  get maxMs(): number {
    return this.#maxMs;
  }

  /** 0 when nothing was recorded. */
  get meanMs(): number {
    return this.#count === 0 ? 0 : this.#sumMs / this.#count;
  }

  /** Negative counts as 0: two readings of a clock may lie the wrong way round by nanoseconds. */
  record(ms: number): void {
    const value = Math.max(0, ms);
    this.#counts ??= new Uint32Array(BUCKETS);
    const bucket = bucketOf(Math.min(MAX_UNITS, Math.floor(value * UNITS_PER_MS)));
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1;
    this.#count++;
    this.#sumMs += value;
    if (value < this.#minMs) this.#minMs = value;
    if (value > this.#maxMs) this.#maxMs = value;
  }

  /** Adds what another has counted. */
  merge(other: LatencyCounts): void {
    this.add(other.toData());
  }

  /** Adds what came from another process. */
  add(data: LatencyData): void {
    if (data.buckets.length === 0) return;
    this.#counts ??= new Uint32Array(BUCKETS);
    for (const [bucket, count] of data.buckets) {
      if (!(bucket >= 0 && bucket < BUCKETS)) continue;
      this.#counts[bucket] = (this.#counts[bucket] as number) + count;
      this.#count += count;
    }
    this.#sumMs += data.sumMs;
    this.#minMs = Math.min(this.#minMs, data.minMs);
    this.#maxMs = Math.max(this.#maxMs, data.maxMs);
  }

  /**
   * The smallest recorded value (to the precision of a bucket) that a share `q` of all values does not exceed; 0 when
   * nothing was recorded.
   * @param q 0 to 1; 0 gives the minimum, 1 the maximum, both exactly.
   */
  quantile(q: number): number {
    if (this.#count === 0 || this.#counts === undefined) return 0;
    if (q <= 0) return this.#minMs;
    const rank = Math.ceil(q * this.#count);
    if (rank >= this.#count) return this.#maxMs;
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#counts[bucket] as number;
      if (seen >= rank) return Math.min(this.#maxMs, Math.max(this.#minMs, middleOf(bucket)));
    }
    return this.#maxMs;
  }

  /** Forgets everything, keeps the memory. */
  clear(): void {
    this.#counts?.fill(0);
    this.#count = 0;
    this.#minMs = Number.POSITIVE_INFINITY;
    this.#maxMs = 0;
    this.#sumMs = 0;
  }

  toData(): LatencyData {
    const buckets: [number, number][] = [];
    if (this.#counts !== undefined) {
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const count = this.#counts[bucket] as number;
        if (count > 0) buckets.push([bucket, count]);
      }
    }
    return { buckets, minMs: this.minMs, maxMs: this.#maxMs, sumMs: this.#sumMs };
  }
}

/** Nothing recorded, as plain data. */
export const NO_LATENCIES: LatencyData = { buckets: [], minMs: 0, maxMs: 0, sumMs: 0 };
