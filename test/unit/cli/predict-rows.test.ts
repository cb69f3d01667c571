import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError, EXIT } from '../../../cli/exit-code.js';
import { readInput } from '../../../cli/predict-input.js';
import { areRows, readGivenRows } from '../../../cli/predict-rows.js';
import type { ModelMetadata } from '../../../client/client.js';

const files = {
  readText: async (path: string) => (path === '-' ? 'b,a\n2,1' : 'a,b\n1,2\n3,4'),
};

const IRIS: ModelMetadata = {
  ...{ name: 'm', versions: ['1'], platform: '', outputs: [] },
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 2] }],
};
const PAIR: ModelMetadata = {
  ...IRIS,
  inputs: [
    { name: 'age', datatype: 'INT64', shape: [-1, 1] },
    { name: 'sex', datatype: 'BYTES', shape: [-1, 1] },
  ],
};
const FEATURES = { X: ['a', 'b'] };

test('what has the shape of the inputs is sent as it is, all else is rows', async () => {
  const table: readonly [model: ModelMetadata, input: string, rows: boolean][] = [
    [IRIS, '[[1, 2]]', false],
    [IRIS, '{"X": [[1, 2]]}', false],
    [IRIS, '{"shape": [1, 2], "data": [1, 2]}', false],
    [IRIS, '{"X": {"shape": [1, 2], "data": [1, 2]}}', false],
    [IRIS, '[1, 2]', true],
    [IRIS, '{"X": [1, 2]}', true],
    [IRIS, '{"a": 1, "b": 2}', true],
    [IRIS, '[{"a": 1, "b": 2}]', true],
    [PAIR, '{"age": [[1]], "sex": [["f"]]}', false],
    [PAIR, '{"age": 1, "sex": "f"}', true],
    [PAIR, '[1, "f"]', true],
  ];
  for (const [model, input, rows] of table)
    assert.equal(areRows(await readInput({ input }, files), model), rows, input);
  assert.equal(areRows(await readInput({ inputFile: 'rows.CSV' }, files), IRIS), true);
});

test('rows, records and CSV become tensors by the names of columns', async () => {
  const two = { X: { shape: [2, 2], data: [1, 2, 3, 4], datatype: 'FP32' } };
  const read = async (source: Parameters<typeof readInput>[0], model = IRIS) =>
    readGivenRows(await readInput(source, files), model, FEATURES);
  assert.deepEqual(await read({ input: '[{"b": 2, "a": 1}, {"a": 3, "b": 4}]' }), two);
  assert.deepEqual(await read({ inputFile: 'rows.csv' }), two);
  assert.deepEqual(await read({ input: '1,2\n3,4', csv: true }), two);
  assert.deepEqual(await read({ inputFile: '-', csv: true }), {
    X: { shape: [1, 2], data: [1, 2], datatype: 'FP32' },
  });
  // Beyond 2^53, where JSON.parse rounds; in a text digits are digits.
  assert.deepEqual(await read({ input: '{"age": 9007199254740993, "sex": "9007199254740993"}' }, PAIR), {
    age: { shape: [1, 1], data: [9007199254740993n], datatype: 'INT64' },
    sex: { shape: [1, 1], data: ['9007199254740993'], datatype: 'BYTES' },
  });
});

test('what does not fit is told with the nearest name and what the model has', async () => {
  const given = await readInput({ input: '{"age": 1, "sec": "f"}' }, files);
  assert.throws(
    () => readGivenRows(given, PAIR, {}),
    (error) =>
      error instanceof CliError &&
      error.exitCode === EXIT.failed &&
      error.message === "The values do not fit: row 0: model 'm' has no column 'sec', did you mean 'sex'?" &&
      /age\s+INT64\s+\[-1, 1\]/.test(error.hint ?? ''),
  );
});
