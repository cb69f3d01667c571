import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError, EXIT } from '../../../cli/exit-code.js';
import { nameInput, readInput } from '../../../cli/predict-input.js';
import type { ModelMetadata } from '../../../client/client.js';

const files = {
  readText: async (path: string): Promise<string> => {
    if (path === '-') return '[1]';
    if (path === 'bom.json') return '\uFEFF[2]';
    throw new Error(`ENOENT: no such file or directory, open '${path}'`);
  },
};

function model(...names: string[]): ModelMetadata {
  const inputs = names.map((name) => ({ name, datatype: 'FP32', shape: [-1, 2] }));
  return { name: 'm', versions: ['1'], platform: '', inputs, outputs: [] };
}

test('an object names inputs, anything else goes to the only one', async () => {
  const table: readonly [input: string, inputs: object][] = [
    ['[[1, 2]]', { X: [[1, 2]] }],
    ['7', { X: 7 }],
    ['"text"', { X: 'text' }],
    ['{"X": [[1, 2]]}', { X: [[1, 2]] }],
    ['{"shape": [1, 2], "data": [1, 2]}', { X: { shape: [1, 2], data: [1, 2] } }],
    ['{"shape": [1], "data": [1], "datatype": "INT8"}', { X: { shape: [1], data: [1], datatype: 'INT8' } }],
    ['{"shape": [1, 2], "data": [1], "mask": [1]}', { shape: [1, 2], data: [1], mask: [1] }],
  ];
  for (const [input, inputs] of table) {
    assert.deepEqual(nameInput(await readInput({ input }, files), model('X')), inputs, input);
  }
});

test('values come from a file or standard input, too', async () => {
  assert.deepEqual(await readInput({ inputFile: '-' }, files), { kind: 'single', value: [1], text: '[1]' });
  assert.deepEqual(await readInput({ inputFile: 'bom.json' }, files), {
    kind: 'single',
    value: [2],
    text: '\uFEFF[2]',
  });
});

test('a value without a name is refused where the model has not one input', () => {
  assert.throws(
    () => nameInput({ kind: 'single', value: 1, text: '1' }, model('a', 'b')),
    /'m' has 2 inputs, "a" \(FP32 \[-1, 2\]\) and "b" \(.*\): give each by name, as \{"a": …, "b": …\}/,
  );
});

test('what cannot be read is a usage error that says where it came from', async () => {
  const table: readonly [source: Parameters<typeof readInput>[0], message: RegExp][] = [
    [{}, /^No values are given: pass them by --input <json> or by --input-file <path>$/],
    [{ input: '1', inputFile: '-' }, /given twice: .* not by both/],
    [{ input: '[1' }, /^--input is not JSON/],
    [{ inputFile: 'none.json' }, /^Cannot read none\.json: ENOENT/],
  ];
  for (const [source, message] of table) {
    await assert.rejects(
      readInput(source, files),
      (error) => error instanceof CliError && error.exitCode === EXIT.usage && message.test(error.message),
    );
  }
});
