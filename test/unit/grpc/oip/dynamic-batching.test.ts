/** `dynamic_batching` as ModelConfig answers it: what the file set comes back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, toJson } from '@bufbuild/protobuf';
import { ModelDynamicBatchingSchema } from '../../../../gateway/gen/inference/model_config_pb.js';
import { dynamicBatchingOf } from '../../../../gateway/grpc/oip/dynamic-batching.js';
import { readModelConfig } from '../../../../gateway/repository/model-config.js';

function answer(fields: string): unknown {
  const config = readModelConfig(`max_batch_size: 8 dynamic_batching { ${fields} }`, 'm');
  assert.ok('configuration' in config && config.configuration.scheduling, JSON.stringify(config));
  const message = create(ModelDynamicBatchingSchema, dynamicBatchingOf(config.configuration.scheduling));
  return toJson(ModelDynamicBatchingSchema, message, { useProtoFieldName: true });
}

test('every field that the file sets comes back as it was', () => {
  const text = `preferred_batch_size: [2, 8] max_queue_delay_microseconds: 1001
    priority_levels: 3 default_priority_level: 2
    default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 16777217 allow_timeout_override: true max_queue_size: 7 }
    priority_queue_policy { key: 1 value { max_queue_size: 1 } }
    priority_queue_policy { key: 3 value { timeout_action: DELAY } }`;
  assert.deepEqual(answer(text), {
    preferred_batch_size: [2, 8],
    max_queue_delay_microseconds: '1001',
    priority_levels: '3',
    default_priority_level: '2',
    default_queue_policy: {
      timeout_action: 'DELAY',
      default_timeout_microseconds: '16777217',
      allow_timeout_override: true,
      max_queue_size: 7,
    },
    priority_queue_policy: { 1: { max_queue_size: 1 }, 3: { timeout_action: 'DELAY' } },
  });
  assert.deepEqual(answer('preserve_ordering: true'), { preserve_ordering: true });
  assert.deepEqual(answer(''), {});
});
