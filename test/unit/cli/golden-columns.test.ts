/** `sluice golden record`: which columns are whose, and what a cell may say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliError } from '../../../cli/exit-code.js';
import { tensorOfRow } from '../../../cli/golden/cells.js';
import { type ColumnFlags, planColumns } from '../../../cli/golden/columns.js';
import type { ModelMetadata } from '../../../client/client.js';

const IRIS: ModelMetadata = {
  name: 'iris',
  versions: ['1'],
  platform: 'onnx',
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [-1] },
    { name: 'probabilities', datatype: 'FP32', shape: [-1, 3] },
  ],
};
const PAIR: ModelMetadata = {
  ...IRIS,
  name: 'pair',
  inputs: [
    { name: 'age', datatype: 'FP32', shape: [-1, 1] },
    { name: 'city', datatype: 'BYTES', shape: [-1, 1] },
  ],
  outputs: [{ name: 'score', datatype: 'FP32', shape: [-1, 1] }],
};
const HEADER = ['length', 'width', 'species', 'p0', 'p1', 'p2', 'id, old'];

const plan = (model: ModelMetadata, columns: readonly string[], flags: Partial<ColumnFlags> = {}) =>
  planColumns({ columns, where: 'a.csv' }, model, { input: [], output: [], ignore: [], ...flags });

test('the only input has what is left, one of several the column of its name, and flags name the rest', () => {
  const output = ['label=species', 'probabilities=p2,p1,p0'];
  const all = plan(IRIS, HEADER, { output, ignore: ['"id, old"'] });
  assert.deepEqual(all.inputs, [{ name: 'X', datatype: 'FP32', shape: [1, 2], columns: [0, 1] }]);
  assert.deepEqual(
    all.outputs.map(({ name, shape, columns }) => [name, shape, columns]),
    [
      ['label', [1], [2]],
      ['probabilities', [1, 3], [5, 4, 3]],
    ],
  );
  const order = plan(IRIS, HEADER, { input: ['X=width,length'] });
  assert.deepEqual([order.inputs[0]?.columns, order.outputs], [[1, 0], []]);
  assert.deepEqual(plan(IRIS, HEADER, { input: ['width,length'] }).inputs[0]?.columns, [1, 0]);
  const pair = plan(PAIR, ['note', 'city', 'years', 'score'], { input: ['age=years'], output: ['score'] });
  assert.deepEqual(
    pair.inputs.map(({ columns }) => columns),
    [[2], [1]],
  );
  assert.deepEqual(pair.outputs[0]?.columns, [3]);
  const shape = (dims: readonly number[]) =>
    plan({ ...IRIS, inputs: [{ name: 'X', datatype: 'FP32', shape: dims }] }, ['a', 'b', 'c', 'd']).inputs[0]
      ?.shape;
  assert.deepEqual(
    [shape([-1, 2, 2]), shape([-1, -1]), shape([-1, 2, -1]), shape([4])],
    [[1, 2, 2], [1, 4], [1, 2, 2], [4]],
  );
});

test('a name that is mistyped, missing or double is refused with the flag and the nearest', () => {
  const refused: readonly (readonly [ModelMetadata, readonly string[], Partial<ColumnFlags>, RegExp])[] = [
    [
      IRIS,
      HEADER,
      { output: ['label=specis'] },
      /a\.csv has no column 'specis' \(--output\)\. Did you mean 'species'\?$/,
    ],
    [IRIS, HEADER, { output: ['lable=species'] }, /no output 'lable'\. Did you mean 'label'\?$/],
    [
      IRIS,
      HEADER,
      { output: ['zzzzzzzz=species'] },
      /no output 'zzzzzzzz'\. Its outputs are 'label', 'probabilities'\.$/,
    ],
    [
      IRIS,
      HEADER,
      { output: ['species'] },
      /does not say which output: wanted --output <name>=species, <name> one of 'label'/,
    ],
    [
      IRIS,
      HEADER,
      {},
      /Input 'X' has shape \[-1, 2\], which 7 are left of a\.csv cannot fill: 'length'.*--output <name>=<columns>/,
    ],
    [
      IRIS,
      HEADER,
      { input: ['X=width'] },
      /Input 'X' has shape \[-1, 2\], which 1 columns are given cannot fill: 'width'/,
    ],
    [IRIS, HEADER, { input: ['X=width,length', 'X=p0,p1'] }, /--input is given twice for 'X'/],
    [IRIS, HEADER, { ignore: ['"p0'] }, /--ignore "p0 is not a list of columns/],
    [IRIS, ['', 'a', 'b'], {}, /Column 1 of a\.csv has no name\. .*index=False/],
    [IRIS, ['a', 'b', 'a'], {}, /a\.csv has two columns named 'a'/],
    [
      PAIR,
      ['ages', 'city'],
      {},
      /no column 'age' for input 'age' of model 'pair': .*--input age=<columns>\. Did you mean 'ages'/,
    ],
  ];
  for (const [model, columns, flags, message] of refused)
    assert.throws(
      () => plan(model, columns, flags),
      (error) => {
        assert.ok(error instanceof CliError && error.exitCode === 2);
        assert.match(`${error.message}. ${error.hint}`, message);
        return true;
      },
    );
});

const cell = (datatype: string, text: string, role: 'input' | 'output' = 'input') =>
  tensorOfRow({ name: 'T', datatype, shape: [1, 1], columns: [1] }, ['other', text], ['o', 'c'], role);

test('a cell is read as its datatype has it', () => {
  const read = (datatype: string, ...texts: string[]) => texts.map((text) => cell(datatype, text));
  assert.deepEqual(read('FP32', '0.1', '1e-3', '', 'NaN', '-inf', 'Infinity').flat(2), [
    0.1,
    0.001,
    'NaN',
    'NaN',
    '-Infinity',
    'Infinity',
  ]);
  assert.deepEqual(read('INT64', '-3', '3.0', '9007199254740993', '+4').flat(2), [
    -3,
    3,
    '9007199254740993',
    4,
  ]);
  assert.deepEqual(read('BOOL', 'True', '0').flat(2), [true, false]);
  assert.deepEqual(read('BYTES', '', '3.0').flat(2), ['', '3.0']);
  assert.deepEqual(
    tensorOfRow(
      { name: 'T', datatype: 'FP64', shape: [1, 2, 2], columns: [3, 2, 1, 0] },
      ['1', '2', '3', '4'],
      [],
      'output',
    ),
    [
      [
        [4, 3],
        [2, 1],
      ],
    ],
  );
});

test('a cell that does not fit is refused with its column, and so is a score that is missing', () => {
  const refused: readonly (readonly [string, string, 'input' | 'output', RegExp])[] = [
    [
      'FP32',
      'x',
      'input',
      /^Error: column 'c' holds 'x': wanted a number, NaN, inf or -inf \(input 'T', FP32\)$/,
    ],
    ['FP32', '1e39', 'input', /holds '1e39': beyond the range/],
    ['FP32', '', 'output', /holds '': a score is wanted, NaN where it is none \(output 'T', FP32\)/],
    ['BYTES', '', 'output', /a score is wanted/],
    ['INT8', '128', 'input', /holds '128': /],
    ['INT64', '1.5', 'input', /wanted an integer/],
    ['INT64', '', 'input', /wanted an integer/],
    ['UINT64', '18446744073709551616', 'input', /holds '18446744073709551616': /],
    ['BOOL', 'yes', 'input', /wanted true, false, 1 or 0/],
  ];
  for (const [datatype, text, role, message] of refused)
    assert.throws(() => cell(datatype, text, role), message);
});
