/** `dynamic_batching` from a config.pbtxt through the process that prepares, to the manifest and to ModelConfig's answer. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, inferenceClient, type Plain } from '../support/grpc-services.js';
import { identityModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const CONFIG = `
  dynamic_batching {
    preferred_batch_size: [ 4, 2, 8 ]
    max_queue_delay_microseconds: 100
    priority_levels: 2
    default_priority_level: 2
    priority_queue_policy { key: 1 value { default_timeout_microseconds: 5000000 } }
  }`;

test('dynamic_batching reaches the manifest and comes back, but for sizes that no batch can have', async (t) => {
  const repository = makeRepository(t, {
    'own/config.pbtxt': Buffer.from(CONFIG),
    'own/1/model.onnx': identityModel('FP32', ['N', 4]),
    'narrow/config.pbtxt': Buffer.from(CONFIG),
    'narrow/1/model.onnx': identityModel('FP32', ['N', 4]),
    // Without a batch dimension: only the model's file says so.
    'alone/config.pbtxt': Buffer.from(CONFIG),
    'alone/1/model.onnx': identityModel('FP32', [1, 4]),
  });
  const models = { narrow: { maxBatchSize: 4 } };
  const { gateway, grpcPort } = await useGateway(t, { modelRepository: [repository], models });
  const inference = inferenceClient(grpcPort);
  t.after(() => inference.close());
  const rows: [string, number[]][] = [
    ['own', [2, 4, 8]],
    ['narrow', [2, 4]],
    ['alone', []],
  ];
  for (const [name, sizes] of rows) {
    const { configuration, warnings } = gateway.catalog.describe(name, '');
    assert.deepEqual(configuration?.scheduling, {
      preferredBatchSizes: sizes,
      maxQueueDelayMs: 0.1,
      preserveOrdering: false,
      priorityLevels: 2,
      defaultPriorityLevel: 2,
      defaultQueuePolicy: { timeoutAction: 'reject', allowTimeoutOverride: false },
      queuePolicies: { 1: { timeoutAction: 'reject', allowTimeoutOverride: false, defaultTimeoutMs: 5000 } },
    });
    const told = warnings.filter((warning) => warning.includes('preferred_batch_size'));
    assert.equal(told.length, name === 'alone' ? 1 : 0, String(warnings));
    const { config } = (await ask(inference, 'ModelConfig', { name })) as { config: Plain };
    const batching = config['dynamic_batching'] as Plain;
    assert.deepEqual(batching['preferred_batch_size'], sizes);
    assert.deepEqual(
      ['max_queue_delay_microseconds', 'priority_levels', 'default_priority_level'].map(
        (key) => batching[key],
      ),
      ['100', '2', '2'],
    );
    // By values: the client's keys of 64 bits are not numbers.
    const policies = Object.values(batching['priority_queue_policy'] as Record<string, Plain>);
    assert.deepEqual(
      policies.map((policy) => policy['default_timeout_microseconds']),
      ['5000000'],
    );
  }
});
