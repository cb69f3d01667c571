/**
 * Finds the highest Poisson rate at which a percentile of latency stays below a bound: MLPerf's server scenario. The
 * rate doubles until it fails, then the gap between what passed and what failed is halved on a logarithmic scale.
 * Whether a step has seen enough calls is MLPerf's early-stopping rule.
 */
import type { LoadResult } from './contract.js';
import { judgeBound, minPassingUnder } from './early-stopping.js';
import { LatencyCounts } from './latency-counts.js';
import type { SearchOutcome, SearchStep } from './report/document.js';

export interface SearchOptions {
  /** As a fraction. */
  readonly percentile: number;
  readonly boundMs: number;
  readonly startRatePerS: number;
  readonly maxSteps: number;
  readonly resolution: number;
  /** Of a step; longer where the rate is too low for enough calls. */
  readonly durationMs: number;
}

/** No step is longer than this many times the duration asked for. */
const MAX_STRETCH = 10;
/** Below this rate nothing is searched. */
const MIN_RATE_PER_S = 0.5;

/** Measures one step; undefined ends the search early. */
export type MeasureRate = (ratePerS: number, durationMs: number) => Promise<LoadResult | undefined>;

interface State {
  readonly steps: SearchStep[];
  passed: number | undefined;
  failed: number | undefined;
  generatorFailed: boolean;
}

export async function findMaxRate(options: SearchOptions, measureRate: MeasureRate): Promise<SearchOutcome> {
  const state: State = { steps: [], passed: undefined, failed: undefined, generatorFailed: false };
  let ended: string | undefined;
  while (ended === undefined) {
    const ratePerS = nextRate(state, options);
    if (ratePerS < MIN_RATE_PER_S) {
      ended = `no rate down to ${MIN_RATE_PER_S}/s met the bound`;
      break;
    }
    const step = await tryRate(ratePerS, options, state, measureRate);
    if (step === undefined) ended = 'it was ended early';
    else if (state.passed === undefined && (step.verdict === 'too-few' || step.verdict === 'void')) {
      // A lower rate would see even fewer calls, and a generator that is late here is not in time there.
      note(state, step);
      ended =
        step.verdict === 'void'
          ? `the generator is not in time even at ${ratePerS}/s`
          : `${step.under + step.over} calls at ${ratePerS}/s are too few to tell: give a longer --duration`;
    } else ended = settled(note(state, step), options);
  }
  return {
    percentile: options.percentile,
    boundMs: options.boundMs,
    maxRatePerS: state.passed ?? null,
    failedRatePerS: state.failed ?? null,
    ended,
    limitedByGenerator: state.generatorFailed,
    steps: state.steps,
  };
}

/** The rate to try next: twice what passed, half of what failed, or the geometric mean of both. */
function nextRate({ passed, failed }: State, { startRatePerS }: SearchOptions): number {
  const rate =
    passed !== undefined && failed !== undefined
      ? Math.sqrt(passed * failed)
      : passed !== undefined
        ? passed * 2
        : failed !== undefined
          ? failed / 2
          : startRatePerS;
  return Number(rate.toPrecision(4));
}

/** One rate; once more when it was void, and once more, longer, when it has seen too few calls to tell. */
async function tryRate(
  ratePerS: number,
  options: SearchOptions,
  state: State,
  measureRate: MeasureRate,
): Promise<SearchStep | undefined> {
  const { durationMs, percentile } = options;
  const longest = durationMs * MAX_STRETCH;
  // With one call in a hundred over the bound expected at worst, a few more than the fewest leave room for them.
  const expected = (1.5 * minPassingUnder(0, percentile) * 1000) / ratePerS;
  let length = Math.min(longest, Math.max(durationMs, expected));
  let retried = false;
  for (;;) {
    const result = await measureRate(ratePerS, Math.round(length));
    if (result === undefined) return undefined;
    const step = judge(ratePerS, result, options);
    const last = state.steps.length + 1 >= options.maxSteps;
    if (step.verdict === 'void' && !last && !retried) {
      // Often it is only that something else ran on the machine for a moment.
      retried = true;
      state.steps.push(step);
      continue;
    }
    if (step.verdict !== 'too-few' || length >= longest || last) return step;
    state.steps.push(step);
    const total = step.under + step.over;
    const needed = minPassingUnder(step.over, percentile) + step.over;
    length = Math.min(longest, length * Math.max(1.5, (1.2 * needed) / Math.max(1, total)));
  }
}

/** Calls that were not answered OK in time count as over the bound. */
function judge(ratePerS: number, result: LoadResult, options: SearchOptions): SearchStep {
  const latency = LatencyCounts.from(result.latency);
  const under = Math.min(countUnder(latency, options.boundMs), result.counts.ok);
  const over = result.counts.offered - under;
  const verdict = result.void === undefined ? judgeBound(under, over, options.percentile) : 'void';
  const percentileMs = latency.count === 0 ? null : latency.quantile(options.percentile);
  return { ratePerS, verdict, under, over, percentileMs };
}

/** How many values do not exceed the bound, to the precision of the buckets. */
export function countUnder(latency: LatencyCounts, boundMs: number): number {
  let low = 0;
  let high = latency.count;
  while (low < high) {
    const rank = Math.ceil((low + high) / 2);
    // Half a rank lower, so that rounding cannot reach the next one.
    if (latency.quantile((rank - 0.5) / latency.count) <= boundMs) low = rank;
    else high = rank - 1;
  }
  return low;
}

function note(state: State, step: SearchStep): State {
  state.steps.push(step);
  if (step.verdict === 'met') state.passed = Math.max(state.passed ?? 0, step.ratePerS);
  else {
    state.failed = Math.min(state.failed ?? Number.POSITIVE_INFINITY, step.ratePerS);
    state.generatorFailed =
      step.verdict === 'void' || (state.generatorFailed && state.failed < step.ratePerS);
  }
  return state;
}

function settled(
  { passed, failed, steps }: State,
  { maxSteps, resolution }: SearchOptions,
): string | undefined {
  if (passed !== undefined && failed !== undefined && failed / passed <= 1 + resolution) {
    return `what passed and what failed are within ${Math.round(resolution * 1000) / 10}%`;
  }
  return steps.length >= maxSteps ? `after ${maxSteps} steps` : undefined;
}
