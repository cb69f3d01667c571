import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cellFrom, cellFromText, isUnfit } from '../../../gateway/tabular/cell.js';
import type { Scalar, Value } from '../../../gateway/tabular/value.js';

const UNFIT = Symbol('unfit');

test('values of JSON, by datatype: what fits is kept as it is, the rest is refused', () => {
  const table: readonly [datatype: string, value: Value, cell: Scalar | typeof UNFIT][] = [
    ['FP32', 5.1, 5.1],
    ['FP32', 3n, 3],
    ['FP32', null, Number.NaN],
    ['FP32', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY],
    ['FP32', 3.5e38, UNFIT],
    ['FP64', 3.5e38, 3.5e38],
    ['FP16', 65_519, 65_519],
    ['FP16', 65_520, UNFIT],
    ['FP32', '5.1', UNFIT],
    ['FP32', true, UNFIT],
    ['FP32', [1], UNFIT],
    ['INT64', 3, 3],
    ['INT64', 9007199254740993n, 9007199254740993n],
    ['INT64', 2n ** 63n, UNFIT],
    ['INT64', 1e300, UNFIT],
    ['INT64', 1.5, UNFIT],
    ['INT64', null, UNFIT],
    ['INT64', Number.NaN, UNFIT],
    ['UINT64', 2n ** 64n - 1n, 2n ** 64n - 1n],
    ['UINT64', -1, UNFIT],
    ['UINT8', 255, 255],
    ['UINT8', 256, UNFIT],
    ['INT8', -128, -128],
    ['INT8', -129, UNFIT],
    ['BOOL', true, true],
    ['BOOL', 0, false],
    ['BOOL', 2, UNFIT],
    ['BOOL', 'true', UNFIT],
    ['BYTES', 'text', 'text'],
    ['BYTES', '', ''],
    ['BYTES', '\ud800', UNFIT],
    ['BYTES', 7, UNFIT],
    ['BYTES', new Map([['b64', 'aGk=']]), Buffer.from('hi')],
    ['BYTES', new Map([['b64', 'a']]), UNFIT],
    ['BYTES', new Map([['b64', 'aGk=$']]), UNFIT],
    ['BYTES', new Map([['c64', 'aGk=']]), UNFIT],
  ];
  for (const [datatype, value, wanted] of table) {
    const cell = cellFrom(datatype, value);
    assert.deepEqual(isUnfit(cell) ? UNFIT : cell, wanted, `${datatype} ${String(value)}`);
  }
});

test('cells of a CSV file, by datatype', () => {
  const table: readonly [datatype: string, text: string, cell: Scalar | typeof UNFIT][] = [
    ['FP32', '5.1', 5.1],
    ['FP32', ' -.5e-3 ', -0.0005],
    ['FP32', '', Number.NaN],
    ['FP32', 'NaN', Number.NaN],
    ['FP32', '-inf', Number.NEGATIVE_INFINITY],
    ['FP32', '1e39', UNFIT],
    ['FP64', '1e999', UNFIT],
    ['FP32', '0x10', UNFIT],
    ['FP32', '1,5', UNFIT],
    ['FP32', 'five', UNFIT],
    ['INT64', '9223372036854775807', 2n ** 63n - 1n],
    ['INT64', '3.0', 3n],
    ['INT64', '+3', 3n],
    ['INT64', '3.5', UNFIT],
    ['INT64', '', UNFIT],
    ['UINT8', '256', UNFIT],
    ['BOOL', 'True', true],
    ['BOOL', '0', false],
    ['BOOL', 'yes', UNFIT],
    ['BYTES', '5', '5'],
  ];
  for (const [datatype, text, wanted] of table) {
    const cell = cellFromText(datatype, text);
    assert.deepEqual(isUnfit(cell) ? UNFIT : cell, wanted, `${datatype} ${text}`);
  }
});
