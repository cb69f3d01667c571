import type { ParameterValue } from '../core/infer-call.js';
import { DEFAULT_QUEUE_POLICY, type QueuePolicy, type Scheduling } from '../core/scheduling.js';

/** What holds where a model's configuration says nothing. */
export const NO_SCHEDULING: Scheduling = {
  preferredBatchSizes: [],
  maxQueueDelayMs: 0,
  preserveOrdering: false,
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultQueuePolicy: DEFAULT_QUEUE_POLICY,
  queuePolicies: {},
};

/** The level of a request: what it asks for where there is such a level, else the default. Level 0 where there are none. */
export function levelOf(scheduling: Scheduling, priority: ParameterValue | undefined): number {
  const { priorityLevels, defaultPriorityLevel } = scheduling;
  if (priorityLevels === 0) return 0;
  const asked = Number(priority ?? 0);
  return asked >= 1 && asked <= priorityLevels ? asked : defaultPriorityLevel;
}

export function policyOf(scheduling: Scheduling, level: number): QueuePolicy {
  return scheduling.queuePolicies[level] ?? scheduling.defaultQueuePolicy;
}

/** When a request has waited for its time, and when nobody wants its answer any more. */
export interface TimeLimits {
  /** On the Clock's scale; Infinity for never. */
  readonly queueUntil: number;
  readonly deadline: number;
}

/**
 * What a request's `timeout` (microseconds, 0 for none) comes to. It counts from the arrival, to the answer, and the earlier of it
 * and the call's deadline holds; except where the level's policy lets requests shorten its time in the queue: then it is that
 * time, as in Triton.
 */
export function timeLimits(
  call: { readonly deadline: number; readonly arrivedAt: number },
  policy: QueuePolicy,
  timeout: ParameterValue | undefined,
): TimeLimits {
  const { defaultTimeoutMs = Number.POSITIVE_INFINITY, allowTimeoutOverride } = policy;
  const asked = Number(timeout ?? 0);
  const timeoutMs = asked > 0 ? asked / 1000 : Number.POSITIVE_INFINITY;
  if (allowTimeoutOverride)
    return { queueUntil: call.arrivedAt + Math.min(defaultTimeoutMs, timeoutMs), deadline: call.deadline };
  return {
    queueUntil: call.arrivedAt + defaultTimeoutMs,
    deadline: Math.min(call.deadline, call.arrivedAt + timeoutMs),
  };
}

/** Whether a batch may be closed now, and why; or until when it is better kept open. */
export type Ripeness =
  | { readonly ripe: true; readonly rows: number; readonly why: 'preferred' | 'delay' | 'full' | undefined }
  | { readonly ripe: false; readonly until: number };

/**
 * What `preferred_batch_size` and `max_queue_delay_microseconds` make of a queue, as Triton's dynamic batcher: the largest
 * preferred size that can be had is run at once; without one the batch waits for the delay of the request that came first, unless it
 * is full, or can come to no preferred size since its next request is too large. `rows: 0` leaves the size open.
 */
export function ripeness(
  { preferredBatchSizes, maxQueueDelayMs }: Scheduling,
  queue: { readonly cost: number; readonly maxCost: number; readonly oldestAt: number; readonly now: number },
  reachable: (rows: number) => boolean,
): Ripeness {
  for (let i = preferredBatchSizes.length - 1; i >= 0; i--) {
    const rows = preferredBatchSizes[i] as number;
    if (rows <= queue.cost && reachable(rows)) return { ripe: true, rows, why: 'preferred' };
  }
  if (maxQueueDelayMs === 0) return { ripe: true, rows: 0, why: undefined };
  if (queue.cost >= queue.maxCost) return { ripe: true, rows: queue.maxCost, why: 'full' };
  const until = queue.oldestAt + maxQueueDelayMs;
  if (queue.now >= until) return { ripe: true, rows: queue.maxCost, why: 'delay' };
  const largest = preferredBatchSizes[preferredBatchSizes.length - 1] ?? Number.POSITIVE_INFINITY;
  // That size was passed over: to wait for more requests cannot bring it about.
  return queue.cost > largest ? { ripe: true, rows: largest, why: 'preferred' } : { ripe: false, until };
}
