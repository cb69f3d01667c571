import type { Arrivals } from '../contract.js';
import { seededRandom } from './random.js';

/** The part of a load that one of several generator processes has. */
export interface Part {
  /** From 0. */
  readonly index: number;
  readonly processes: number;
}

/** The next instant at which a call is meant to start, in milliseconds from the start; ascending. Infinity: no more. */
export type Starts = () => number;

export interface StartsOptions extends Part {
  readonly arrivals: Arrivals;
  readonly seed: number;
  /** Instants from here on are not played. */
  readonly durationMs: number;
}

/**
 * When this process's calls are meant to start. All processes together give the load that the plan asks for: constant
 * arrivals and traces are dealt out in turn, Poisson streams are independent ones of a part of the rate.
 * @throws Error for closed-loop arrivals, which have no schedule.
 */
export function intendedStarts(options: StartsOptions): Starts {
  const { durationMs } = options;
  const next = endless(options);
  return () => {
    const at = next();
    return at < durationMs ? at : Number.POSITIVE_INFINITY;
  };
}

function endless({ arrivals, index, processes, seed }: StartsOptions): Starts {
  switch (arrivals.kind) {
    case 'constant': {
      let call = index;
      return () => {
        const at = (call * 1000) / arrivals.ratePerS;
        call += processes;
        return at;
      };
    }
    case 'poisson':
      return poisson(arrivals.ratePerS / processes, seed, index);
    case 'bursts': {
      // A Poisson stream on a clock that only runs while the load is on.
      const next = poisson(arrivals.ratePerS / processes, seed, index);
      return () => {
        const on = next();
        return Math.floor(on / arrivals.onMs) * (arrivals.onMs + arrivals.offMs) + (on % arrivals.onMs);
      };
    }
    case 'trace': {
      let entry = index;
      return () => {
        const at = arrivals.atMs[entry] ?? Number.POSITIVE_INFINITY;
        entry += processes;
        return at;
      };
    }
    case 'closed':
      throw new Error('closed-loop calls start when others end: they have no schedule');
  }
}

function poisson(ratePerS: number, seed: number, stream: number): Starts {
  const random = seededRandom(seed, stream);
  let at = 0;
  return () => {
    // 1 - random() is never 0, whose logarithm would be the end of the stream.
    at += (-Math.log(1 - random()) * 1000) / ratePerS;
    return at;
  };
}

/** What warms up for these arrivals: the same kind, but a trace, which is played once, is stood in for by its mean rate. */
export function warmupArrivals(arrivals: Arrivals): Arrivals {
  if (arrivals.kind !== 'trace') return arrivals;
  const last = arrivals.atMs.at(-1) ?? 0;
  return { kind: 'constant', ratePerS: last > 0 ? (arrivals.atMs.length * 1000) / last : 1 };
}

/** This process's share of a whole number: shares differ by at most one and add up. */
export function shareOf(total: number, { index, processes }: Part): number {
  return Math.floor(total / processes) + (index < total % processes ? 1 : 0);
}
