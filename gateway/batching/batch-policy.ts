/**
 * What the batcher decides, apart from how it does it: pure functions over numbers, tested by tables. Deadlines and
 * instants are milliseconds on the Clock's scale.
 */
import type { Deadline } from '../core/deadline.js';

/** When something's turn comes: the earlier `turn` first, and the earlier arrival among equals. */
export interface Turn {
  /** An instant: see `turnOf`. */
  readonly turn: number;
  /** Order of arrival, unique. */
  readonly sequence: number;
}

/**
 * When a request's turn is: at its deadline. One without a deadline counts as wanting its answer within `horizonMs`
 * of its arrival; so it makes way for the urgent but is never starved, since its turn stays while time moves on.
 */
export function turnOf(deadline: Deadline, arrivedAt: number, horizonMs: number): number {
  return deadline === Number.POSITIVE_INFINITY ? arrivedAt + horizonMs : deadline;
}

/** The order of entries in a queue, and of queues by their first entries. */
export function before(a: Turn, b: Turn): boolean {
  return a.turn < b.turn || (a.turn === b.turn && a.sequence < b.sequence);
}

/** A waiting entry, as the policy sees it. */
export interface Candidate {
  /** Rows it takes of a batch's room, at least 1. */
  readonly cost: number;
  readonly deadline: Deadline;
}

/** Longest push-back that is ever asked of a client: beyond it the estimate says nothing. */
export const MAX_RETRY_AFTER_MS = 30_000;

/** When a refused caller may try again: when the present backlog will have run, in whole milliseconds from now. */
export function retryAfterMs(backlog: {
  readonly queuedCost: number;
  readonly maxCost: number;
  /** Predicted run time of a full batch. */
  readonly fullBatchMs: number;
  readonly workers: number;
}): number {
  const batches = Math.ceil(backlog.queuedCost / backlog.maxCost);
  const ms = (batches * backlog.fullBatchMs) / Math.max(1, backlog.workers);
  return Math.min(Math.max(1, Math.ceil(ms)), MAX_RETRY_AFTER_MS);
}

/**
 * How the entries of a rejected batch are run again: in two halves, each of which is halved again if it is rejected too, so that the
 * guilty entry ends up alone after log2(n) rounds. A single survivor of a larger batch runs alone, since the guilty one may have left.
 */
export function bisect<T>(entries: readonly T[]): readonly (readonly T[])[] {
  if (entries.length <= 1) return entries.length === 0 ? [] : [entries];
  const middle = Math.ceil(entries.length / 2);
  return [entries.slice(0, middle), entries.slice(middle)];
}
