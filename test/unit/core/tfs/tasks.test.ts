import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '../../../../gateway/core/manifest.js';
import type { TensorSpec } from '../../../../gateway/core/model.js';
import { taskOf, wantedTask } from '../../../../gateway/core/tfs/tasks.js';

const spec = (name: string, shape: number[], more: Partial<TensorSpec> = {}): TensorSpec => ({
  ...{ name, datatype: 'FP32', shape },
  ...more,
});
const manifest = (inputs: TensorSpec[], outputs: TensorSpec[], more: Partial<Manifest> = {}): Manifest => ({
  ...{
    model: 'm',
    version: 1,
    preparedPath: '',
    batchCheck: 'verified',
    latency: [],
    sha256: '',
    bytes: 0,
    warnings: [],
  },
  signature: { inputs, outputs, batchable: true, maxBatchSize: 8 },
  ...more,
});

const X = spec('X', [-1, 4]);
const scores = spec('scores', [-1, 3]);
const other = spec('other', [-1, 2]);
const value = spec('value', [-1, 1]);
const label = spec('label', [-1], { datatype: 'INT64' });

/** By model, the output that classifies and the one that regresses; else why there is none. */
const MODELS: [what: string, of: Manifest, classify: RegExp, regress: RegExp][] = [
  ['scores beside a label', manifest([X], [label, scores]), /^scores$/, /^Expected an output Tensor/],
  ['a column of values', manifest([X], [value]), /^Expected an output Tensor/, /^value$/],
  ['values without a dimension of their own', manifest([X], [spec('v', [-1])]), /^Expected/, /^v$/],
  ['both', manifest([X], [scores, value]), /^scores$/, /^value$/],
  ['two that may be scores', manifest([X], [scores, other]), /^Expected one output .* found 2$/, /^Expected/],
  [
    'two, of which one has labels',
    manifest([X], [other, scores], { classes: { scores: ['a', 'b', 'c'] } }),
    /^scores$/,
    /^Expected/,
  ],
  ['a float column of unknown width', manifest([X], [spec('s', [-1, -1])]), /^s$/, /^Expected/],
  [
    'two inputs',
    manifest([X, other], [scores]),
    /^Expected one input Tensor\.$/,
    /^Expected one input Tensor\.$/,
  ],
  [
    'an input of integers',
    manifest([spec('I', [-1, 4], { datatype: 'INT64' })], [scores]),
    /float matrix.* but I is int64/,
    /float matrix/,
  ],
  [
    'an input of any width',
    manifest([spec('X', [-1, -1])], [scores]),
    /fixed number of columns/,
    /fixed number/,
  ],
  [
    'scores of doubles',
    manifest([X], [spec('d', [-1, 3], { datatype: 'FP64' })]),
    /^Expected an output Tensor of DT_FLOAT/,
    /^Expected/,
  ],
];
for (const [what, of, classify, regress] of MODELS) {
  test(`${what}: what classifies and what regresses`, () => {
    for (const [kind, wanted] of [
      ['classify', classify],
      ['regress', regress],
    ] as const) {
      const task = taskOf(kind, of);
      assert.match(typeof task === 'string' ? task : task.output.name, wanted, kind);
    }
  });
}

test('names of features and labels of classes come with it, where they fit', () => {
  const named = manifest([X], [{ ...scores, labels: ['p', 'q', 'r'] }], {
    features: { X: ['a', 'b', 'c', 'd'] },
  });
  const task = wantedTask('classify', 'classification', named);
  assert.deepEqual(
    [task.features, task.labels, task.width, task.maxRows],
    [['a', 'b', 'c', 'd'], ['p', 'q', 'r'], 4, 8],
  );
  const misfit = taskOf('classify', manifest([X], [scores], { features: { X: ['a', 'b'] } }));
  assert.equal(typeof misfit === 'string' ? '' : misfit.features, undefined);
});

test('a model without a batch dimension takes the rows that it says, or any number', () => {
  const rows = (shape: number[]) => {
    const signature = { inputs: [spec('X', shape)], outputs: [scores], batchable: false, maxBatchSize: 0 };
    const task = taskOf('classify', manifest([], [], { signature }));
    return typeof task === 'string' ? task : task.maxRows;
  };
  assert.deepEqual([rows([5, 4]), rows([-1, 4])], [5, Number.POSITIVE_INFINITY]);
});
