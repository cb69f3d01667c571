/** What becomes of requests that wait for too long, and how many may wait: Triton's ModelQueuePolicy. Plain data. */
export interface QueuePolicy {
  /** A request that has waited for its time is refused, or runs after those of its level that are still in time. */
  readonly timeoutAction: 'reject' | 'delay';
  /** How long a request may wait. Undefined: as long as its deadline allows. */
  readonly defaultTimeoutMs?: number;
  /** Whether a request's own `timeout` may shorten the default, or set one where there is none. */
  readonly allowTimeoutOverride: boolean;
  /** Most requests that wait in one level. Undefined: no limit. */
  readonly maxQueueSize?: number;
}

/** How the requests of one model are put in order and into batches, where its configuration says so: `dynamic_batching`. */
export interface Scheduling {
  /** Rows, ascending; a batch that reaches one of them need not wait for more. Empty: none. */
  readonly preferredBatchSizes: readonly number[];
  /** How long a request may be held back for the sake of a larger batch. 0: not at all. */
  readonly maxQueueDelayMs: number;
  /** Answers leave in the order of the requests. */
  readonly preserveOrdering: boolean;
  /** Level 1 is the most urgent. 0: no priorities. */
  readonly priorityLevels: number;
  /** The level of a request that names none, or one that there is not. 0 without priorities. */
  readonly defaultPriorityLevel: number;
  readonly defaultQueuePolicy: QueuePolicy;
  /** By level, where it differs from the default. */
  readonly queuePolicies: Readonly<Record<number, QueuePolicy>>;
}

/** Of requests that wait for as long as their deadlines allow, in a queue of any length. */
export const DEFAULT_QUEUE_POLICY: QueuePolicy = { timeoutAction: 'reject', allowTimeoutOverride: false };

/** Takes out the preferred sizes that no batch can have: whoever wrote them may not have known the largest one. */
export function withinLargestBatch(scheduling: Scheduling, maxBatchSize: number): Scheduling {
  const { preferredBatchSizes } = scheduling;
  return { ...scheduling, preferredBatchSizes: preferredBatchSizes.filter((size) => size <= maxBatchSize) };
}
