import type { CallTemplate } from '../../contract.js';

/** What is offered in an overload benchmark: pure. */

/** Load as a multiple of what the server can do. */
export const FACTORS = [0.5, 0.8, 1, 2, 4, 10] as const;

/** All calls have the same deadline, or each its own. */
export type DeadlineKind = 'equal' | 'mixed';

/** In batch-service times. */
const EQUAL = 5;
const MIXED = { from: 1.5, to: 10 } as const;
/** The mixed ones are this many, at equal distances, each as often as any other. */
const MIXED_COUNT = 12;

/** The deadlines of the calls in milliseconds, ascending; `serviceMs` is how long a batch takes at capacity. */
export function deadlinesMs(kind: DeadlineKind, serviceMs: number): number[] {
  if (kind === 'equal') return [EQUAL * serviceMs];
  const step = (MIXED.to - MIXED.from) / MIXED_COUNT;
  return Array.from({ length: MIXED_COUNT }, (_, i) => (MIXED.from + (i + 0.5) * step) * serviceMs);
}

/** The same call once for each deadline. */
export function withDeadlines(template: CallTemplate, deadlines: readonly number[]): CallTemplate[] {
  return deadlines.map((deadlineMs) => ({ ...template, deadlineMs }));
}

/** A model whose run of b rows takes `fixedMs + perRowMs * b`. */
export interface WaitingModel {
  readonly fixedMs: number;
  readonly perRowMs: number;
  readonly maxBatch: number;
  readonly workers: number;
}

/** Time of a full batch. */
export function fullBatchMs({ fixedMs, perRowMs, maxBatch }: WaitingModel): number {
  return fixedMs + perRowMs * maxBatch;
}

/** Rows that it can do in a second, all batches full and no worker ever idle. */
export function waitingCapacity(model: WaitingModel): number {
  return (model.workers * model.maxBatch * 1e3) / fullBatchMs(model);
}
