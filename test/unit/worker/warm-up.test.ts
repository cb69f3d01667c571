/** What a session is run on when it is loaded: the samples of its configuration, held against its signature. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import type { LoadSpec, WarmUpData, WireTensor } from '../../../worker/protocol.js';
import { warmUp } from '../../../worker/warm-up.js';

type Sample = WarmUpData['samples'][number];

const SPEC: Pick<LoadSpec, 'inputs' | 'outputs'> = {
  inputs: [
    { name: 'X', datatype: 'FP32', shape: [-1, 2] },
    { name: 'S', datatype: 'BYTES', shape: [-1, 1] },
  ],
  outputs: [{ name: 'Y', datatype: 'FP32', shape: [-1, 2] }],
};
const X = { name: 'X', datatype: 'FP32', dims: [2], data: 'random' } as const;
const S = { name: 'S', datatype: 'BYTES', dims: [1], data: 'zero' } as const;

async function warm(sample: Partial<Sample>, fail?: Error, warmUpOf: Partial<WarmUpData> = {}) {
  const runs: (readonly WireTensor[])[] = [];
  const run = async (inputs: readonly WireTensor[]) => {
    runs.push(inputs);
    if (fail !== undefined) throw fail;
    return { outputs: [], startedAt: 0, endedAt: 0 };
  };
  const samples = [{ name: 'w', batchSize: 3, count: 0, inputs: [X, S], ...sample }];
  await warmUp({ run }, { ...SPEC, warmUp: { samples, batched: true, ...warmUpOf } });
  return runs;
}

test('a sample is run count times, with its rows in front of dims; a count of 0 is one', async () => {
  const runs = await warm({});
  assert.equal(runs.length, 1);
  const [[x, s] = []] = runs;
  assert.deepEqual(x?.shape, [3, 2]);
  assert.equal(new Set(new Float32Array(x?.data.buffer as ArrayBuffer)).size, 6, 'rows are not the same');
  assert.deepEqual([s?.shape, s?.data], [[3, 1], new Uint8Array(12)]);
  assert.equal((await warm({ count: 4 })).length, 4);
  const [[whole] = []] = await warm(
    {
      batchSize: 1,
      inputs: [
        { ...X, dims: [5, 2] },
        { ...S, dims: [5, 1] },
      ],
    },
    undefined,
    {
      batched: false,
    },
  );
  assert.deepEqual(whole?.shape, [5, 2]);
});

test('without samples it is one made-up row, which a model may refuse', async () => {
  let rows = 0;
  const run = async () => {
    rows++;
    throw new Error('no');
  };
  await warmUp({ run }, SPEC);
  assert.equal(rows, 1);
});

test('a sample that is not of the signature, or that is refused, fails by its name', async () => {
  const rows: [Partial<Sample>, string, Partial<WarmUpData>?][] = [
    [{ inputs: [X] }, "it has no input 'S', which the model needs"],
    [{ inputs: [X, S, { ...X, name: 'Z' }] }, "it has an input 'Z', the model has 'X', 'S'"],
    [{ inputs: [{ ...X, datatype: 'FP64' }, S] }, "its input 'X' has datatype FP64, wanted FP32"],
    [{ inputs: [{ ...X, dims: [3] }, S] }, "its input 'X' has shape [3,3], wanted [-1,2]"],
    [{ inputs: [{ ...X, dims: [1, 2] }, S] }, "its input 'X' has shape [3,1,2], wanted [-1,2]"],
    [{}, 'it has batch_size 3, wanted 1: the model has no batch dimension', { batched: false }],
  ];
  for (const [sample, message, data] of rows)
    await assert.rejects(warm(sample, undefined, data), {
      code: 'FAILED_PRECONDITION',
      message: `model_warmup sample 'w': ${message}`,
    });
  await assert.rejects(warm({}, new GatewayError('INTERNAL', 'the model failed: why')), {
    code: 'FAILED_PRECONDITION',
    message: "model_warmup sample 'w': the model failed: why",
  });
});
