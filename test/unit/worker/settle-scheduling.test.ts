/** `preferred_batch_size` held against the largest batch that preparation found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '../../../gateway/core/manifest.js';
import type { Scheduling } from '../../../gateway/core/scheduling.js';
import { settleScheduling } from '../../../worker/settle-scheduling.js';

const SCHEDULING: Scheduling = {
  preferredBatchSizes: [4, 8, 16],
  maxQueueDelayMs: 1,
  preserveOrdering: true,
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultQueuePolicy: { timeoutAction: 'reject', allowTimeoutOverride: false },
  queuePolicies: {},
};

const manifest = (maxBatchSize: number, scheduling?: Scheduling): Manifest => ({
  model: 'm',
  version: 1,
  signature: { inputs: [], outputs: [], batchable: maxBatchSize > 0, maxBatchSize },
  preparedPath: '/m/1/model.onnx',
  batchCheck: 'verified',
  latency: [],
  sha256: '',
  bytes: 1,
  warnings: ['first'],
  configuration: { inputs: [], outputs: [], parameters: {}, runtime: {}, ...(scheduling && { scheduling }) },
});

test('sizes that no batch can have fall away with a warning, the rest stays', () => {
  const rows: [number, number[], string?][] = [
    [16, [4, 8, 16]],
    [15, [4, 8], 'a preferred_batch_size of 16 has no effect: its batches have at most 15 rows'],
    [8, [4, 8], 'a preferred_batch_size of 16 has no effect: its batches have at most 8 rows'],
    [0, [], 'a preferred_batch_size of 16 has no effect: it is not batched'],
  ];
  for (const [maxBatchSize, expected, warning] of rows) {
    const given = manifest(maxBatchSize, SCHEDULING);
    const { configuration, warnings, ...rest } = settleScheduling(given);
    assert.deepEqual(configuration?.scheduling, { ...SCHEDULING, preferredBatchSizes: expected });
    assert.deepEqual(warnings, ['first', ...(warning === undefined ? [] : [warning])]);
    const { configuration: _, warnings: __, ...same } = given;
    assert.deepEqual(rest, same);
  }
});

test('without dynamic_batching or config.pbtxt nothing changes', () => {
  const { configuration: _, ...bare } = manifest(0);
  for (const given of [manifest(0), bare]) assert.equal(settleScheduling(given), given);
});
