import { isDeepStrictEqual } from 'node:util';
import { DEFAULT_QUEUE_POLICY, type QueuePolicy, type Scheduling } from '../core/scheduling.js';
import {
  type ModelConfig,
  type ModelDynamicBatching,
  type ModelQueuePolicy,
  ModelQueuePolicy_TimeoutAction as TimeoutAction,
} from '../gen/inference/model_config_pb.js';
import type { ConfigFaults } from './config-faults.js';

const PATH = 'dynamic_batching';
/** Each level is a queue of its own. */
const MAX_LEVELS = 1000;
const MAX_PREFERRED = 1000;
/** Rows of a batch, as of `max_batch_size`. */
const MAX_ROWS = 1_000_000;
/** An hour, in microseconds: of a delay, and of a time-out. */
const MAX_WAIT_US = 3_600_000_000n;

/**
 * What `dynamic_batching` says; undefined where there is none. The rules are those of Triton, and bounds of this
 * server. What is wrong goes to `faults`, what has no effect to `warnings`. `maxBatchSize` undefined: not known yet.
 */
export function schedulingOf(
  { schedulingChoice }: ModelConfig,
  maxBatchSize: number | undefined,
  faults: ConfigFaults,
  warnings: string[],
): Scheduling | undefined {
  if (schedulingChoice.case !== 'dynamicBatching') return undefined;
  const batching = schedulingChoice.value;
  const policy = batching.defaultQueuePolicy;
  const scheduling: Scheduling = {
    preferredBatchSizes: preferredSizesOf(batching, maxBatchSize, faults),
    maxQueueDelayMs: waitMs(
      `${PATH}.max_queue_delay_microseconds`,
      batching.maxQueueDelayMicroseconds,
      faults,
    ),
    preserveOrdering: batching.preserveOrdering,
    ...levelsOf(batching, faults, warnings),
    defaultQueuePolicy:
      policy === undefined ? DEFAULT_QUEUE_POLICY : policyOf(policy, `${PATH}.default_queue_policy`, faults),
    queuePolicies: queuePoliciesOf(batching, faults, warnings),
  };
  checkOrdering(scheduling, faults);
  if (maxBatchSize === 0)
    warnings.push(
      `${PATH} ${ordersRequests(scheduling) ? 'makes no batches' : 'has no effect'}: max_batch_size is 0`,
    );
  return scheduling;
}

/** Ascending, each once. One over `max_batch_size` would never be reached, and is a fault, as in Triton. */
function preferredSizesOf(
  { preferredBatchSize }: ModelDynamicBatching,
  maxBatchSize: number | undefined,
  faults: ConfigFaults,
): number[] {
  const path = `${PATH}.preferred_batch_size`;
  if (preferredBatchSize.length > MAX_PREFERRED)
    faults.add(path, `${path} names ${preferredBatchSize.length} sizes, wanted at most ${MAX_PREFERRED}`);
  // One below 0 is a fault by itself: it says nothing of these.
  const known = maxBatchSize !== undefined && maxBatchSize >= 0;
  const most = known ? maxBatchSize : MAX_ROWS;
  for (const [index, size] of preferredBatchSize.slice(0, MAX_PREFERRED).entries()) {
    if (size >= 1 && size <= most) continue;
    const wanted = most === 0 ? 'none' : `1 to ${most}`;
    faults.add(
      `${path}[${index}]`,
      `${path}[${index}] is ${size}, wanted ${wanted}${known ? `: max_batch_size is ${most}` : ''}`,
    );
  }
  return [...new Set(preferredBatchSize)].sort((a, b) => a - b);
}

/** As in Triton, priorities need a default level among them. */
function levelsOf(
  { priorityLevels, defaultPriorityLevel }: ModelDynamicBatching,
  faults: ConfigFaults,
  warnings: string[],
): Pick<Scheduling, 'priorityLevels' | 'defaultPriorityLevel'> {
  const path = `${PATH}.default_priority_level`;
  if (priorityLevels > MAX_LEVELS)
    faults.add(
      `${PATH}.priority_levels`,
      `${PATH}.priority_levels is ${priorityLevels}, wanted 0 to ${MAX_LEVELS}`,
    );
  if (priorityLevels === 0n) {
    if (defaultPriorityLevel > 0n) warnings.push(`${path} has no effect: priority_levels is 0`);
    return { priorityLevels: 0, defaultPriorityLevel: 0 };
  }
  if (defaultPriorityLevel < 1n || defaultPriorityLevel > priorityLevels)
    faults.add(
      path,
      `${path} is ${defaultPriorityLevel}, wanted 1 to ${priorityLevels}: priority_levels is ${priorityLevels}`,
    );
  return { priorityLevels: Number(priorityLevels), defaultPriorityLevel: Number(defaultPriorityLevel) };
}

/** As in Triton, a level's policy takes the place of the default one as a whole; without levels there is nothing to place. */
function queuePoliciesOf(
  { priorityLevels, priorityQueuePolicy }: ModelDynamicBatching,
  faults: ConfigFaults,
  warnings: string[],
): Record<number, QueuePolicy> {
  const path = `${PATH}.priority_queue_policy`;
  const policies: Record<number, QueuePolicy> = {};
  const entries = Object.entries(priorityQueuePolicy);
  if (priorityLevels === 0n) {
    if (entries.length > 0) warnings.push(`${path} has no effect: priority_levels is 0`);
    return policies;
  }
  if (entries.length > MAX_LEVELS)
    faults.add(path, `${path} has ${entries.length} policies, wanted at most ${MAX_LEVELS}`);
  for (const [key, policy] of entries.slice(0, MAX_LEVELS)) {
    const at = `${path}[${key}]`;
    const level = BigInt(key);
    if (level < 1n || level > priorityLevels)
      faults.add(
        at,
        `${at} has the level ${key}, wanted 1 to ${priorityLevels}: priority_levels is ${priorityLevels}`,
      );
    policies[Number(level)] = policyOf(policy, at, faults);
  }
  return policies;
}

function policyOf(policy: ModelQueuePolicy, path: string, faults: ConfigFaults): QueuePolicy {
  const { timeoutAction, defaultTimeoutMicroseconds, allowTimeoutOverride, maxQueueSize } = policy;
  const timeoutMs = waitMs(`${path}.default_timeout_microseconds`, defaultTimeoutMicroseconds, faults);
  return {
    timeoutAction: timeoutAction === TimeoutAction.DELAY ? 'delay' : 'reject',
    ...(timeoutMs > 0 && { defaultTimeoutMs: timeoutMs }),
    allowTimeoutOverride,
    ...(maxQueueSize > 0 && { maxQueueSize }),
  };
}

/** Exact: an hour of microseconds is far below what a number holds. */
function waitMs(path: string, us: bigint, faults: ConfigFaults): number {
  if (us > MAX_WAIT_US) faults.add(path, `${path} is ${us}, wanted 0 to ${MAX_WAIT_US} (an hour)`);
  return Number(us) / 1000;
}

/** Answers cannot leave in the order of the requests where some requests go before others: refused, as in Triton. */
function checkOrdering(scheduling: Scheduling, faults: ConfigFaults): void {
  const { preserveOrdering, priorityLevels, defaultQueuePolicy, queuePolicies } = scheduling;
  if (!preserveOrdering) return;
  const path = `${PATH}.preserve_ordering`;
  if (priorityLevels > 1)
    faults.add(path, `${path} is true with ${priorityLevels} priority_levels, wanted at most 1`);
  const named: [string, QueuePolicy][] = [
    ['default_queue_policy', defaultQueuePolicy],
    ...Object.entries(queuePolicies).map(([level, policy]): [string, QueuePolicy] => [
      `priority_queue_policy[${level}]`,
      policy,
    ]),
  ];
  for (const [name, { timeoutAction, defaultTimeoutMs, allowTimeoutOverride }] of named) {
    // In Triton only a default counts. Here a request's own time-out needs none.
    if (timeoutAction !== 'delay' || (defaultTimeoutMs === undefined && !allowTimeoutOverride)) continue;
    const at = `${PATH}.${name}.timeout_action`;
    faults.add(at, `${at} is DELAY, wanted REJECT: preserve_ordering is true`);
  }
}

/** Whether it says more than how batches are made: that holds for requests that run one by one, too. */
function ordersRequests({ preserveOrdering, priorityLevels, defaultQueuePolicy }: Scheduling): boolean {
  return (
    preserveOrdering || priorityLevels > 0 || !isDeepStrictEqual(defaultQueuePolicy, DEFAULT_QUEUE_POLICY)
  );
}
