import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '../../../gateway/core/manifest.js';
import type { TensorSpec } from '../../../gateway/core/model.js';
import type { GivenFeatures } from '../../../gateway/core/model-configuration.js';
import type { FileNames } from '../../../worker/file-names.js';
import { settleNames } from '../../../worker/settle-names.js';

const X: TensorSpec = { name: 'X', datatype: 'FP32', shape: [-1, 2] };
const Z: TensorSpec = { name: 'Z', datatype: 'FP32', shape: [-1, 1] };
const P: TensorSpec = { name: 'P', datatype: 'FP32', shape: [-1, 2] };
const LABEL: TensorSpec = { name: 'label', datatype: 'INT64', shape: [-1] };
const WORD: TensorSpec = { name: 'word', datatype: 'BYTES', shape: [-1] };

function manifest(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  features?: GivenFeatures,
  parameters: Record<string, string> = {},
): Manifest {
  const configuration = {
    ...{ inputs: [], outputs: [], parameters, runtime: {} },
    ...(features !== undefined && { features }),
  };
  return {
    ...{
      model: 'm',
      version: 1,
      preparedPath: '/m',
      batchCheck: 'verified',
      latency: [],
      sha256: '',
      bytes: 0,
    },
    signature: { inputs, outputs, batchable: true, maxBatchSize: 8 },
    ...{ warnings: [], configuration },
  };
}

const found = (names: Partial<FileNames>): FileNames => ({
  ...{ features: undefined, classes: undefined, scores: new Map() },
  ...names,
});

test("the operator's names come first, then config.pbtxt's, then the file's", () => {
  const file = found({ features: ['c', 'd'] });
  assert.deepEqual(settleNames(manifest([X], [LABEL]), file).features, { X: ['c', 'd'] });
  const pbtxt = { feature_names: 'e,f' };
  assert.deepEqual(settleNames(manifest([X], [LABEL], undefined, pbtxt), file).features, { X: ['e', 'f'] });
  assert.deepEqual(settleNames(manifest([X], [LABEL], ['a', 'b'], pbtxt), file).features, { X: ['a', 'b'] });
  assert.deepEqual(settleNames(manifest([X, Z], [LABEL], { X: ['a', 'b'] }), file).features, {
    X: ['a', 'b'],
  });
  assert.equal(settleNames(manifest([X, Z], [LABEL]), file).features, undefined);
  assert.equal(settleNames(manifest([X], [LABEL]), undefined).features, undefined);
});

test("the operator's names must fit; the file's are left out with a warning", () => {
  const refused: readonly [inputs: TensorSpec[], features: GivenFeatures, message: RegExp][] = [
    [[X], ['a'], /features does not fit: there are 1 names, and a row of input 'X' has 2 values/],
    [[X], { x: ['a', 'b'] }, /features names input 'x', which it does not have, did you mean 'X'\?/],
    [
      [X, Z],
      ['a', 'b'],
      /features is a list, but it has 2 inputs: wanted a list by input, \{X: \[…\], Z: \[…\]\}/,
    ],
    [
      [{ ...X, shape: [-1, 2, 2] }],
      ['a', 'b'],
      /a row of input 'X' is no list of values: its shape is \[-1,2,2\]/,
    ],
  ];
  for (const [inputs, features, message] of refused)
    assert.throws(() => settleNames(manifest(inputs, [LABEL], features), undefined), message);
  const { features, warnings } = settleNames(manifest([X], [LABEL]), found({ features: ['a', 'a'] }));
  assert.equal(features, undefined);
  assert.match(warnings.join(), /do not fit and are left out: the name 'a' is there twice/);
});

test('classes are of float outputs that have as many columns', () => {
  const scores = new Map([['P', ['0', '1']]]);
  const classes = (outputs: TensorSpec[], names: Partial<FileNames>) =>
    settleNames(manifest([X], outputs), found(names)).classes;
  assert.deepEqual(classes([LABEL, P], { scores }), { P: ['0', '1'] });
  assert.deepEqual(classes([LABEL, P], { scores, classes: ['no', 'yes'] }), { P: ['no', 'yes'] });
  assert.deepEqual(classes([LABEL, P], { classes: ['no', 'yes'] }), { P: ['no', 'yes'] });
  assert.equal(classes([LABEL, P], { classes: ['a', 'b', 'c'] }), undefined);
  assert.deepEqual(classes([LABEL, { ...P, shape: [-1, -1] }], { scores }), { P: ['0', '1'] });
  // The exporter counts classes that are texts by numbers.
  assert.equal(classes([WORD, P], { scores }), undefined);
  assert.deepEqual(classes([WORD, P], { scores: new Map([['P', ['no', 'yes']]]) }), { P: ['no', 'yes'] });
  assert.equal(classes([LABEL, { ...P, labels: ['a', 'b'] }], { scores }), undefined);
});
