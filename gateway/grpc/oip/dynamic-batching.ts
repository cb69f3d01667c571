import { isDeepStrictEqual } from 'node:util';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { DEFAULT_QUEUE_POLICY, type QueuePolicy, type Scheduling } from '../../core/scheduling.js';
import {
  type ModelDynamicBatchingSchema,
  ModelQueuePolicy_TimeoutAction,
  type ModelQueuePolicySchema,
} from '../../gen/inference/model_config_pb.js';

/** `dynamic_batching` in the terms of ModelConfig. What is at its default is left out, as in a file. */
export function dynamicBatchingOf(
  scheduling: Scheduling,
): MessageInitShape<typeof ModelDynamicBatchingSchema> {
  const { defaultQueuePolicy, queuePolicies } = scheduling;
  return {
    preferredBatchSize: [...scheduling.preferredBatchSizes],
    maxQueueDelayMicroseconds: microseconds(scheduling.maxQueueDelayMs),
    preserveOrdering: scheduling.preserveOrdering,
    priorityLevels: BigInt(scheduling.priorityLevels),
    defaultPriorityLevel: BigInt(scheduling.defaultPriorityLevel),
    ...(!isDeepStrictEqual(defaultQueuePolicy, DEFAULT_QUEUE_POLICY) && {
      defaultQueuePolicy: queuePolicyOf(defaultQueuePolicy),
    }),
    priorityQueuePolicy: Object.fromEntries(
      Object.entries(queuePolicies).map(([level, policy]) => [level, queuePolicyOf(policy)]),
    ),
  };
}

function queuePolicyOf(policy: QueuePolicy): MessageInitShape<typeof ModelQueuePolicySchema> {
  return {
    timeoutAction: ModelQueuePolicy_TimeoutAction[policy.timeoutAction === 'delay' ? 'DELAY' : 'REJECT'],
    defaultTimeoutMicroseconds: microseconds(policy.defaultTimeoutMs ?? 0),
    allowTimeoutOverride: policy.allowTimeoutOverride,
    maxQueueSize: policy.maxQueueSize ?? 0,
  };
}

/** Rounded, since a thousandth of a number need not come back as a whole one. */
function microseconds(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}
