/** Whether a batch that met a fault runs once more: pure, so that a table can show it. */

export interface RetryQuestion {
  /** How often the batch was started on a worker that then failed, this time included. */
  readonly attempts: number;
  /** How often it met a fault at all, also before it was started. */
  readonly faults: number;
  /** Milliseconds until the last of its callers stops waiting. */
  readonly timeLeftMs: number;
  /** Nothing new is to be begun. */
  readonly closing: boolean;
}

export interface RetryLimits {
  /** @default 2 */
  readonly maxAttempts: number;
  /** Bound on faults of any kind, against a pool that dies faster than it starts. @default 8 */
  readonly maxFaults: number;
}

export const DEFAULT_RETRY_LIMITS: RetryLimits = { maxAttempts: 2, maxFaults: 8 };

export type RetryDecision =
  | { readonly retry: true }
  | { readonly retry: false; readonly why: 'attempts' | 'faults' | 'no_time' | 'closing' };

/**
 * Inference is idempotent, so a fault is retried while somebody waits and the batch has not itself become the suspect:
 * only runs that had started count against it.
 */
export function decideRetry(question: RetryQuestion, limits: RetryLimits): RetryDecision {
  if (question.closing) return { retry: false, why: 'closing' };
  if (question.timeLeftMs <= 0) return { retry: false, why: 'no_time' };
  if (question.attempts >= limits.maxAttempts) return { retry: false, why: 'attempts' };
  if (question.faults >= limits.maxFaults) return { retry: false, why: 'faults' };
  return { retry: true };
}
