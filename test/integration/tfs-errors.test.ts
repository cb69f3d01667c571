/** The refusals of test/support/tfs-refusals, replayed on a real gateway. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addModel, onnxModel } from '../support/onnx-model.js';
import { tfsCaller } from '../support/tfs-call.js';
import { TFS_REFUSALS } from '../support/tfs-refusals.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

/** Where Sluice says more than TensorFlow Serving, it comes after this. */
const MORE = /^(?: \(|:|$)/;

test(`${TFS_REFUSALS.length} requests have the codes and texts that TensorFlow Serving's sources give them`, async (t) => {
  const root = makeRepository(t, {
    'm/1/model.onnx': addModel(1),
    'm/2/model.onnx': addModel(2),
    'both/1/model.onnx': onnxModel({
      inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
      outputs: [
        { name: 'scores', type: 'FP32', shape: ['N', 2] },
        { name: 'sum', type: 'FP32', shape: ['N', 1] },
      ],
      weights: [{ name: 'ones', type: 'FP32', shape: [2, 1], values: [1, 1] }],
      nodes: [
        { op: 'Identity', inputs: ['X'], outputs: ['scores'] },
        { op: 'MatMul', inputs: ['X', 'ones'], outputs: ['sum'] },
      ],
      metadata: { feature_names: 'age,fare' },
    }),
    'pair/1/model.onnx': onnxModel({
      inputs: ['A', 'B'].map((name) => ({ name, type: 'FP32' as const, shape: ['N', 1] })),
      outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 1] }],
      nodes: [{ op: 'Add', inputs: ['A', 'B'], outputs: ['Y'] }],
    }),
  });
  const { grpcPort } = await useGateway(t, {
    modelRepository: [root],
    workers: { count: 1 },
    admin: { openOnGrpc: true },
  });
  const call = tfsCaller(t, grpcPort);
  const wrong: string[] = [];
  for (const { source, code, text, send } of TFS_REFUSALS) {
    const { status, message } = await send(call);
    const same = message.startsWith(text) && (text.endsWith(' ') || MORE.test(message.slice(text.length)));
    if (status !== code || !same) wrong.push(`${source}: wanted ${code} ${text}, got ${status} ${message}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(TFS_REFUSALS.length >= 40);
});
