import type { LoadPlan } from '../contract.js';
import { intendedStarts, type Part, type Starts, shareOf, warmupArrivals } from './arrivals.js';

export interface PlannedStarts {
  /** Instants on the clock of the harness, warm-up first. */
  readonly next: Starts;
  /** When the measurement was over if that was before its time: after `maxCalls`, or at the end of a trace. */
  endedEarlyMs(): number | undefined;
}

/** The whole schedule of one process in an open loop, for a run whose warm-up and measurement begin at these instants. */
export function plannedStarts(
  plan: LoadPlan,
  part: Part,
  { startMs, fromMs }: { readonly startMs: number; readonly fromMs: number },
): PlannedStarts {
  const { arrivals, seed } = plan;
  const warmup = intendedStarts({
    ...part,
    arrivals: warmupArrivals(arrivals),
    // Other arrivals than those measured, or a cache could learn them.
    seed: seed + 1,
    durationMs: fromMs - startMs,
  });
  const measured = intendedStarts({ ...part, arrivals, seed, durationMs: plan.durationMs });
  let left = plan.maxCalls === undefined ? Number.POSITIVE_INFINITY : shareOf(plan.maxCalls, part);
  let warm = plan.warmupMs === 0;
  let lastMs = 0;
  let earlyMs: number | undefined;

  const nextMeasured = (): number => {
    const at = measured();
    if (at === Number.POSITIVE_INFINITY) {
      if (arrivals.kind === 'trace') earlyMs = fromMs + lastMs;
      return at;
    }
    if (left-- <= 0) {
      earlyMs = fromMs + at;
      return Number.POSITIVE_INFINITY;
    }
    lastMs = at;
    return fromMs + at;
  };
  return {
    next: () => {
      if (!warm) {
        const at = warmup();
        if (at !== Number.POSITIVE_INFINITY) return startMs + at;
        warm = true;
      }
      return nextMeasured();
    },
    endedEarlyMs: () => earlyMs,
  };
}
