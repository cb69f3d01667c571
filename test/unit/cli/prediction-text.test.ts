import assert from 'node:assert/strict';
import { test } from 'node:test';
import { predictionText } from '../../../cli/prediction-text.js';
import { renderTable } from '../../../cli/table.js';
import type { TensorInput } from '../../../client/client.js';
import { encodeTensor } from '../../../client/encode-tensor.js';
import { OutputTensor } from '../../../client/output-tensor.js';

function prediction(outputs: Record<string, readonly [datatype: string, value: TensorInput]>): string {
  const read = Object.entries(outputs).map(([name, [datatype, value]]) => {
    const { shape, data } = encodeTensor(name, datatype, value);
    return [name, OutputTensor.decode(name, datatype, shape, data)] as const;
  });
  return predictionText({ model: 'm', version: '3', id: '', outputs: Object.fromEntries(read) });
}

test('outputs with the same rows share a table, probabilities with four decimals', () => {
  const text = prediction({
    label: ['INT64', [0, 12]],
    probabilities: [
      'FP32',
      [
        [0.97, 0.03],
        [0.1, 0.9],
      ],
    ],
    name: ['BYTES', ['a', 'bc']],
  });
  assert.equal(
    text,
    [
      'm version 3, 2 rows',
      '',
      'row  label  probabilities  name',
      '  0      0  0.9700 0.0300  a',
      '  1     12  0.1000 0.9000  bc',
      '',
    ].join('\n'),
  );
});

test('outputs without common rows come one after the other', () => {
  const text = prediction({ scalar: ['FP32', 1234.5678], list: ['INT32', [1, -20]] });
  assert.equal(text, 'm version 3\n\nscalar  FP32 []\n  1234.57\n\nlist  INT32 [2]\n  1\n  -20\n');
});

test('a row that is too long is cut and says how long it is', () => {
  const text = prediction({ e: ['INT32', [Array.from({ length: 500 }, (_, i) => i)]] });
  assert.match(text, / 11 … \(500 values\)\n$/);
  assert.ok(text.length < 200);
});

test('many rows and long texts are cut, and the text says so', () => {
  const many = prediction({ label: ['INT64', Array.from({ length: 5000 }, (_, i) => i)] });
  assert.match(
    many,
    /^m version 3, 5000 rows\n[\s\S]*\n199 +199\n… and 4800 more rows: --json has them all\n$/,
  );
  const apart = prediction({ a: ['INT64', Array.from({ length: 300 }, () => 7)], b: ['BOOL', [true]] });
  assert.match(apart, / 7\n… and 100 more rows: --json has them all\n\nb {2}BOOL \[1\]\n {2}true\n$/);
  assert.match(
    prediction({ text: ['BYTES', ['é'.repeat(5000), 'b']] }),
    /\n {2}0 {2}é{60}… \(5000 characters\)\n {2}1 {2}b\n$/,
  );
  const short = prediction({ label: ['INT64', Array.from({ length: 200 }, () => 7)] });
  assert.doesNotMatch(short, /more rows/);
});

test('numbers are shown by what their column holds', () => {
  const table: readonly [datatype: string, values: TensorInput, shown: RegExp][] = [
    ['FP64', [0.25, 1e-9], /0\.2500\n +1 +0\.0000/],
    ['FP64', [2.5e-7, 1e-9], /2\.5e-7\n +1 +1e-9/],
    ['FP32', [1.5, 1234567], /1\.5\n +1 +1234570/],
    ['FP32', [3, 4], / 3\n +1 +4/],
    ['FP32', [0, 1], / 0\n +1 +1/],
    ['BOOL', [true, false], /true\n +1 +false/],
    ['FP32', ['Infinity', 0.5], /Infinity\n +1 +0\.5000/],
  ];
  for (const [datatype, values, shown] of table) assert.match(prediction({ y: [datatype, values] }), shown);
});

test('int64 beyond 2^53, NaN and no rows at all can be shown', () => {
  assert.match(prediction({ y: ['INT64', [2n ** 60n]] }), /1152921504606846976/);
  assert.match(prediction({ y: ['FP32', [Number.NaN, 0.5]] }), /NaN\n +1 +0\.5000/);
  assert.equal(prediction({ y: ['FP32', []] }), 'm version 3, 0 rows\n\nrow  y\n');
});

test('escape sequences in names and texts do not reach the terminal', () => {
  const text = prediction({ 'a\u001b[31m': ['BYTES', ['x\u001b[2J\ny']] });
  assert.ok(!text.includes('\u001b'));
  assert.match(text, /x\\x1b\[2J y/);
});

test('a table pads each column to its widest cell and leaves no blanks at the end', () => {
  assert.equal(
    renderTable(
      ['A', 'LONG'],
      [
        ['xxx', 'y'],
        ['', ''],
      ],
      new Set([1]),
    ),
    'A    LONG\nxxx     y\n\n',
  );
});
