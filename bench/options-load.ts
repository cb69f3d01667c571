import type { Arrivals } from './contract.js';
import { type FlagReader, flagName } from './flag-reader.js';
import { parseDuration, parsePositive, parseRange } from './ranges.js';
import { parseSteps, type RateStep } from './trace.js';

/** What load to offer. Files are read later. */
export type LoadChoice =
  | { readonly kind: 'sweep'; readonly points: readonly Arrivals[] }
  | { readonly kind: 'steps'; readonly steps: readonly RateStep[]; readonly arrivals: 'poisson' | 'constant' }
  | { readonly kind: 'trace' | 'intervals'; readonly path: string }
  | SearchChoice;

/** The highest rate at which a percentile stays below a bound. */
export interface SearchChoice {
  readonly kind: 'search';
  /** As a fraction. */
  readonly percentile: number;
  readonly boundMs: number;
  readonly startRatePerS: number;
  readonly maxSteps: number;
  /** The search ends when the rates that passed and failed are this close: 0.05 is 5%. */
  readonly resolution: number;
}

/** Flags of which at most one may be given; none: one call at a time. */
const LOADS = ['concurrency', 'rate', 'steps', 'trace', 'requestIntervals'] as const;

const BOUNDS = [
  ['p50', 0.5],
  ['p90', 0.9],
  ['p95', 0.95],
  ['p99', 0.99],
  ['p999', 0.999],
] as const;

const RANGE = 'a number, a list a,b,c, or start:end, start:end:step, start:end:2x';

/** Reads the flags that say what load to offer. Faults go to the reader. */
export function readLoad(read: FlagReader): LoadChoice {
  const given = LOADS.filter((name) => read.has(name));
  if (given.length > 1) read.fault(`${given.map(flagName).join(' and ')} are given; wanted one kind of load`);
  const bounds = BOUNDS.filter(([name]) => read.has(name));
  if (read.has('findMaxRate')) return readSearch(read, given);
  if (bounds.length > 0) {
    read.fault(
      `${bounds.map(([name]) => flagName(name)).join(' and ')} is the bound of --find-max-rate; to check a run, write --assert '${bounds[0]?.[0]}<20ms'`,
    );
  }
  if (read.has('rate')) return { kind: 'sweep', points: readRates(read) };
  const kind = readArrivals(read);
  if (read.has('steps')) {
    if (kind.kind === 'bursts')
      read.fault('--steps are poisson or constant; wanted --arrivals without bursts');
    const steps = read.parsed('steps', parseSteps, 'rates with their lengths, e.g. 200x5s,800x10s') ?? [];
    return { kind: 'steps', steps, arrivals: kind.kind === 'constant' ? 'constant' : 'poisson' };
  }
  if (read.has('arrivals')) {
    read.fault(
      '--arrivals says how calls of --rate or --steps are spread; neither is given, e.g. --rate 1000',
    );
  }
  const trace = read.text('trace');
  if (trace !== undefined) return { kind: 'trace', path: trace };
  const intervals = read.text('requestIntervals');
  if (intervals !== undefined) return { kind: 'intervals', path: intervals };
  const numbers = read.parsed('concurrency', parseConcurrency, `${RANGE}, of integers`) ?? [1];
  return { kind: 'sweep', points: numbers.map((concurrency) => ({ kind: 'closed', concurrency })) };
}

type ArrivalKind =
  | { readonly kind: 'poisson' | 'constant' }
  | { readonly kind: 'bursts'; readonly onMs: number; readonly offMs: number };

function readArrivals(read: FlagReader): ArrivalKind {
  const wanted = 'poisson, constant, or bursts:<on>,<off>, e.g. bursts:200ms,800ms';
  return read.parsed('arrivals', parseArrivals, wanted) ?? { kind: 'poisson' };
}

function parseArrivals(text: string): ArrivalKind | undefined {
  if (text === 'poisson' || text === 'constant') return { kind: text };
  const [, on, off] = /^bursts:([^,]+),([^,]+)$/.exec(text) ?? [];
  const onMs = parseDuration(on ?? '');
  const offMs = parseDuration(off ?? '');
  return onMs && offMs ? { kind: 'bursts', onMs, offMs } : undefined;
}

function readRates(read: FlagReader): Arrivals[] {
  const kind = readArrivals(read);
  const rates = read.parsed('rate', parseRange, `${RANGE}, in calls a second`) ?? [1];
  return rates.map((ratePerS) => ({ ...kind, ratePerS }));
}

function readSearch(read: FlagReader, given: readonly string[]): SearchChoice {
  const others = given.filter((name) => name !== 'rate');
  if (others.length > 0) {
    read.fault(
      `--find-max-rate sets the rate itself; ${others.map(flagName).join(' and ')} cannot be given with it`,
    );
  }
  if (read.has('arrivals') && read.text('arrivals') !== 'poisson') {
    read.fault(
      `--arrivals is "${read.text('arrivals')}"; --find-max-rate wants poisson, as MLPerf's server scenario has it`,
    );
  }
  const bounds = BOUNDS.filter(([name]) => read.has(name));
  if (bounds.length !== 1) {
    read.fault(
      `--find-max-rate has ${bounds.length} bounds; wanted exactly one of ${BOUNDS.map(([name]) => flagName(name)).join(', ')}, e.g. --p99 20ms`,
    );
  }
  const [name, percentile] = bounds[0] ?? BOUNDS[3];
  const fine = 'a share above 0 and below 1, e.g. 0.05 or 5%';
  return {
    kind: 'search',
    percentile,
    boundMs: read.duration(name) ?? 1,
    startRatePerS: read.parsed('rate', parsePositive, 'the rate to begin at, e.g. 500') ?? 100,
    maxSteps: read.integer('maxSteps', 1, 100) ?? 20,
    resolution: read.parsed('resolution', parseResolution, fine) ?? 0.05,
  };
}

function parseResolution(text: string): number | undefined {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  return value > 0 && value < 1 ? value : undefined;
}

function parseConcurrency(text: string): number[] | undefined {
  const values = parseRange(text);
  return values?.every(Number.isSafeInteger) ? values : undefined;
}
