import type { Arrivals } from './contract.js';
import { seededRandom } from './load/random.js';
import { parseDuration } from './ranges.js';

/** A trace holds no more calls than this. */
const MAX_CALLS = 5_000_000;

/** One stretch of load at a constant expected rate. */
export interface RateStep {
  readonly ratePerS: number;
  readonly lengthMs: number;
}

/** `200x5s,800x10s`; undefined when it is not that. */
export function parseSteps(text: string): RateStep[] | undefined {
  const steps = text.split(',').map((part): RateStep | undefined => {
    const [, rate, length] = /^(\d+(?:\.\d+)?)x(.+)$/.exec(part.trim()) ?? [];
    const lengthMs = parseDuration(length ?? '');
    return rate === undefined || !lengthMs ? undefined : { ratePerS: Number(rate), lengthMs };
  });
  return steps.every((step) => step !== undefined) ? steps : undefined;
}

/**
 * Instants at which calls start when the rate changes from step to step, as Poisson arrivals (by exponential gaps; a
 * gap that leaves its step is drawn anew in the next, which the exponential distribution allows) or at equal gaps.
 */
export function stepsTrace(steps: readonly RateStep[], kind: 'poisson' | 'constant', seed: number): number[] {
  const random = seededRandom(seed);
  const atMs: number[] = [];
  let start = 0;
  for (const { ratePerS, lengthMs } of steps) {
    const gap = (): number => (kind === 'poisson' ? -Math.log(1 - random()) : 1) * (1000 / ratePerS);
    const end = start + lengthMs;
    for (let at = start + (kind === 'poisson' ? gap() : 0); at < end; at += gap()) {
      atMs.push(at);
      if (atMs.length > MAX_CALLS) throw new Error(`the steps make more than ${MAX_CALLS} calls`);
    }
    start = end;
  }
  return atMs;
}

/**
 * Reads a trace: one instant a line from the start of the measurement, in milliseconds or with a unit (`1.5s`), in
 * ascending order; empty lines and what follows `#` are skipped. Throws Error with the line that is wrong.
 */
export function readTrace(text: string): number[] {
  const atMs = numbers(text, 'an instant in milliseconds, or with a unit, e.g. 1.5s');
  const back = atMs.findIndex((at, i) => i > 0 && at < (atMs[i - 1] as number));
  if (back > 0) {
    throw new Error(
      `instant ${back + 1} (${atMs[back]} ms) is before the one above it; wanted ascending instants`,
    );
  }
  return atMs;
}

/** Reads perf_analyzer's interval files: microseconds between calls, one a line, repeated until `durationMs`. */
export function readIntervals(text: string, durationMs: number): number[] {
  const gapsMs = numbers(text, 'microseconds').map((us) => us / 1000);
  const cycle = gapsMs.reduce((sum, gap) => sum + gap, 0);
  if (!(cycle > 0)) throw new Error('its intervals add up to nothing');
  const atMs: number[] = [];
  for (let at = 0, i = 0; ; i++) {
    at += gapsMs[i % gapsMs.length] as number;
    if (at >= durationMs) return atMs;
    atMs.push(at);
    if (atMs.length > MAX_CALLS) throw new Error(`it makes more than ${MAX_CALLS} calls`);
  }
}

function numbers(text: string, wanted: string): number[] {
  const values = text.split(/\r?\n/).flatMap((line, index) => {
    const cell = line.replace(/#.*/, '').trim();
    if (cell === '') return [];
    const value = /^\d+(\.\d+)?(e[+-]?\d+)?$/i.test(cell) ? Number(cell) : parseDuration(cell);
    if (value === undefined)
      throw new Error(`line ${index + 1} is ${JSON.stringify(cell.slice(0, 40))}; wanted ${wanted}`);
    return [value];
  });
  if (values.length === 0) throw new Error(`it is empty; wanted ${wanted}, one a line`);
  if (values.length > MAX_CALLS) throw new Error(`it has more than ${MAX_CALLS} lines`);
  return values;
}

/** Names a point of a sweep; points of two reports with the same name are compared. */
export function arrivalsLabel(arrivals: Arrivals): string {
  switch (arrivals.kind) {
    case 'closed':
      return `concurrency ${arrivals.concurrency}`;
    case 'bursts':
      return `${arrivals.ratePerS}/s in bursts of ${arrivals.onMs} ms, then ${arrivals.offMs} ms silence`;
    case 'trace':
      return `trace of ${arrivals.atMs.length} calls`;
    default:
      return `${arrivals.ratePerS}/s ${arrivals.kind}`;
  }
}
