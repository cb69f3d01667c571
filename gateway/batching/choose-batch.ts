import type { CloseReason } from '../core/close-reason.js';
import type { Candidate } from './batch-policy.js';

/** What is known of how long batches take. */
export interface Forecast {
  /** What a batch of so many rows takes as a rule, in milliseconds. */
  estimateMs(rows: number): number;
  /** Within what it is answered nearly always. */
  guardMs(rows: number): number;
}

/** What a batch is chosen by, beside those who may be in it. Instants are on the Clock's scale. */
export interface Circumstances {
  readonly forecast: Forecast;
  /** When the batch would start: now, or when the worker's present run is predicted to end. */
  readonly startsAt: number;
  /** Rows that a batch should have, if as many wait. */
  readonly target: number;
  /** Rows that it may have at most. */
  readonly maxCost: number;
  /** Whether more waits than the candidates. */
  readonly more: boolean;
  /** Whether one may be dropped for the sake of the others. */
  readonly earlyDrop: boolean;
  /** Whether all others that matter as much as the candidate at `tight` would be in time if a batch of these `rows` rows ran now. */
  othersInTime(rows: number, tight: number): boolean;
}

/** Run the first `count`, with the one at `first` moved to the front; or drop the one at `index`, and ask again. */
export type Choice =
  | { readonly kind: 'run'; readonly count: number; readonly first: number; readonly why: CloseReason }
  | { readonly kind: 'drop'; readonly index: number };

/**
 * The next batch out of who waits, in order of precedence (as a rule: of deadlines). Aims at `target` rows. If the tightest deadline
 * among them would be missed, a smaller batch saves it where everybody behind is still in time after it; else it is given up: one
 * tight deadline never shrinks the batches of an overloaded queue, which would cost all that come after it.
 */
export function chooseBatch(candidates: readonly Candidate[], at: Circumstances): Choice {
  const { forecast } = at;
  const aim = prefix(candidates, at.target);
  const tight = tightest(candidates, aim.count);
  const leftMs = (candidates[tight] as Candidate).deadline - at.startsAt;
  const whole = (): Choice => ({
    kind: 'run',
    count: aim.count,
    first: tight,
    why: reason(aim, candidates, at),
  });
  if (forecast.guardMs(aim.cost) <= leftMs) return whole();
  // In time nearly always, else at least as a rule.
  const saving =
    largestWithin(candidates, tight, aim.cost, (rows) => forecast.guardMs(rows) <= leftMs) ??
    largestWithin(candidates, tight, aim.cost, (rows) => forecast.estimateMs(rows) <= leftMs);
  if (saving === undefined) return whole();
  if (!at.earlyDrop || at.othersInTime(saving.cost, tight))
    return { kind: 'run', count: saving.count, first: tight, why: 'deadline' };
  return { kind: 'drop', index: tight };
}

interface Part {
  readonly count: number;
  readonly cost: number;
}

/** The first candidates that have at most `rows` rows together; one at least. */
function prefix(candidates: readonly Candidate[], rows: number): Part {
  let cost = 0;
  let count = 0;
  for (const candidate of candidates) {
    if (count > 0 && cost + candidate.cost > rows) break;
    cost += candidate.cost;
    count++;
  }
  return { count, cost };
}

function tightest(candidates: readonly Candidate[], count: number): number {
  let tight = 0;
  for (let i = 1; i < count; i++)
    if ((candidates[i] as Candidate).deadline < (candidates[tight] as Candidate).deadline) tight = i;
  return tight;
}

/** The one at `first`, and as many of the others in their order as it leaves time for; undefined when it has none itself. */
function largestWithin(
  candidates: readonly Candidate[],
  first: number,
  maxCost: number,
  fits: (rows: number) => boolean,
): Part | undefined {
  let { cost } = candidates[first] as Candidate;
  if (!fits(cost)) return undefined;
  let count = 1;
  for (let i = 0; i < candidates.length; i++) {
    if (i === first) continue;
    const more = cost + (candidates[i] as Candidate).cost;
    if (more > maxCost || !fits(more)) break;
    cost = more;
    count++;
  }
  return { count, cost };
}

function reason(
  aim: Part,
  candidates: readonly Candidate[],
  { target, maxCost, more }: Circumstances,
): CloseReason {
  if (aim.cost >= maxCost) return 'full';
  if (aim.count === candidates.length && !more) return 'idle';
  // The next did not fit.
  return target >= maxCost ? 'full' : 'knee';
}
