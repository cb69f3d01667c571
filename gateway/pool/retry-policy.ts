/** What becomes of a batch that met a fault: pure, so that a table can show it. */

export interface RetryQuestion {
  /** How often the batch was started on a worker that then failed, this time included. */
  readonly attempts: number;
  /** How often it met a fault at all, also before it was started. */
  readonly faults: number;
  /** Requests that were in the run. */
  readonly requests: number;
  /** Milliseconds until the last of its callers stops waiting. */
  readonly timeLeftMs: number;
  /** Nothing new is to be begun. */
  readonly closing: boolean;
  /** Takes a further retry from the budget; false when it is spent. Asked only where one is needed. */
  readonly withinBudget: () => boolean;
}

export interface RetryLimits {
  /** Started runs that may end a worker before the batch is the suspect. @default 2 */
  readonly maxAttempts: number;
  /** Bound on faults of any kind, against a pool that dies faster than it starts. @default 8 */
  readonly maxFaults: number;
}

export const DEFAULT_RETRY_LIMITS: RetryLimits = { maxAttempts: 2, maxFaults: 8 };

/**
 * `again`: on another worker. `split`: it has ended several workers, so its halves run apart. `quarantine`: it has, and there is
 * nobody in it but one request, which is to blame.
 */
export type RetryDecision =
  | { readonly kind: 'again' }
  | { readonly kind: 'split' }
  | { readonly kind: 'quarantine' }
  | { readonly kind: 'give_up'; readonly why: 'faults' | 'no_time' | 'closing' | 'budget' };

/**
 * Inference is idempotent, so a fault is retried while somebody waits and the batch has not itself become the suspect: only
 * runs that had started count against it. The first retry is everybody's; further ones come out of a budget, or a pool in
 * trouble would be kept in it by what it is asked again and again.
 */
export function decideRetry(question: RetryQuestion, limits: RetryLimits): RetryDecision {
  const { attempts, faults, requests, timeLeftMs } = question;
  if (question.closing) return { kind: 'give_up', why: 'closing' };
  if (timeLeftMs <= 0) return { kind: 'give_up', why: 'no_time' };
  if (attempts >= limits.maxAttempts) return { kind: requests > 1 ? 'split' : 'quarantine' };
  if (faults >= limits.maxFaults) return { kind: 'give_up', why: 'faults' };
  if (faults > 1 && !question.withinBudget()) return { kind: 'give_up', why: 'budget' };
  return { kind: 'again' };
}
