import { seededRandom } from '../../bench/load/random.js';

/** When faults strike, and which seconds of the load say what: pure. */

const SECOND_MS = 1000;
/** The load has this long until the first fault: its first second is not looked at, the others are steady. */
const LEAD_MS = 3000;
/** Of its second, so that what it does is over before the second is. */
const EARLIEST_MS = 50;
const LATEST_MS = 150;
/** Load after the last fault. */
const TAIL_MS = 2000;

export interface FaultTimes {
  /** From the start of the load, ascending, in milliseconds. */
  readonly atMs: readonly number[];
  /** Length of the load. */
  readonly durationMs: number;
  /** Seconds in which a fault strikes. */
  readonly hit: readonly number[];
  /** Seconds that are as ever. */
  readonly steady: readonly number[];
}

/** Faults `everyMs` apart, where exactly by seed: the same seed strikes at the same instants. */
export function faultTimes(seed: number, times: number, everyMs: number): FaultTimes {
  const random = seededRandom(seed, 7);
  const atMs = Array.from(
    { length: times },
    (_, i) => LEAD_MS + i * everyMs + EARLIEST_MS + random() * (LATEST_MS - EARLIEST_MS),
  );
  const lastMs = LEAD_MS + (times - 1) * everyMs;
  const seconds = Math.ceil((lastMs + TAIL_MS) / SECOND_MS);
  const hit = [...new Set(atMs.map((ms) => Math.floor(ms / SECOND_MS)))];
  // The first second warms everything up.
  const steady = Array.from({ length: seconds }, (_, second) => second).filter(
    (second) => second > 0 && !hit.includes(second),
  );
  return { atMs, durationMs: seconds * SECOND_MS, hit, steady };
}

/** The middle one, the lower of two; undefined when there is none. */
export function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1];
}
