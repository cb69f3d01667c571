import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWaitingModel, parseWaitingSpec } from '../../../worker/waiting-spec.js';

test('an empty object is a model: X echoed as Y, at no cost', () => {
  assert.deepEqual(parseWaitingSpec('{}'), {
    costMs: { fixed: 0, perRow: 0 },
    loadMs: 0,
    warmUpMs: 0,
    inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
    outputs: [{ name: 'Y', datatype: 'FP32', shape: [-1, 4] }],
    maxBatchSize: undefined,
    faults: [],
    faultFolder: undefined,
    seed: 1,
  });
});

test('outputs mirror the inputs, under names of their own', () => {
  const { outputs } = parseWaitingSpec(
    JSON.stringify({
      inputs: [
        { name: 'a', datatype: 'INT64', shape: [-1, 2] },
        { name: 'b', datatype: 'BYTES', shape: [-1] },
      ],
      outputs: ['p', 'q'],
    }),
  );
  assert.deepEqual(outputs, [
    { name: 'p', datatype: 'INT64', shape: [-1, 2] },
    { name: 'q', datatype: 'BYTES', shape: [-1] },
  ]);
});

const refused: readonly (readonly [why: string, text: string, message: RegExp])[] = [
  ['not JSON', '{', /not JSON/],
  ['a list', '[]', /the file is not an object/],
  ['a misspelt key', '{"cost": {}}', /'cost', wanted only costMs/],
  ['a negative cost', '{"costMs": {"fixed": -1}}', /costMs.fixed is not a number from 0/],
  ['a text for a number', '{"costMs": {"perRow": "2"}}', /costMs.perRow is not a number/],
  [
    'an unknown datatype',
    '{"inputs": [{"name": "x", "datatype": "F", "shape": []}]}',
    /inputs\[0\].datatype/,
  ],
  ['no inputs', '{"inputs": []}', /inputs is empty/],
  ['too few outputs', '{"outputs": []}', /outputs has 0 names, wanted 1/],
  [
    'an unknown fault',
    '{"faults": [{"kind": "explode", "probability": 1}]}',
    /'explode', wanted one of throw/,
  ],
  ['no probability', '{"faults": [{"kind": "throw"}]}', /faults\[0\].probability/],
  [
    'another moment',
    '{"faults": [{"kind": "throw", "probability": 1, "when": "lunch"}]}',
    /when is none of run, load, warm-up/,
  ],
  ['a folder elsewhere', '{"faultFolder": "../x"}', /faultFolder is not one name/],
  ['a broken seed', '{"seed": 1.5}', /seed is not a whole number/],
];

for (const [why, text, message] of refused)
  test(`refused by name: ${why}`, () => {
    assert.throws(() => parseWaitingSpec(text), message);
  });

test('only a .wait.json is a waiting model', () => {
  assert.equal(isWaitingModel('/models/m/1/model.wait.json'), true);
  assert.equal(isWaitingModel('/models/m.wait.json/1/model.onnx'), false);
});
