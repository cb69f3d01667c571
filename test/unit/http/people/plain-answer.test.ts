import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferResult } from '../../../../gateway/core/infer-call.js';
import type { Manifest } from '../../../../gateway/core/manifest.js';
import { plainAnswer } from '../../../../gateway/http/people/plain-answer.js';
import { rowTensors } from '../../../../gateway/http/people/row-tensors.js';

const STYLE = { nonFinite: 'null', int64Strings: false } as const;
const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const ints = (...values: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);

const label = { name: 'label', datatype: 'INT64' as const, shape: [2], data: ints(1n, 0n) };
const scores = { name: 'p', datatype: 'FP32' as const, shape: [2, 2], data: floats(0.25, 0.75, 1, 0) };

/** What is told of two rows, parsed. */
function told(outputs: InferResult['outputs'], classes: Manifest['classes'] = {}, rows = 2) {
  const manifest = { signature: { outputs: [] }, classes } as unknown as Manifest;
  const { predictions, others } = plainAnswer({ outputs } as unknown as InferResult, manifest, rows, STYLE);
  return [JSON.parse(predictions), others === '' ? undefined : JSON.parse(others)];
}

test('one output is a value for each row, several are objects by output', () => {
  assert.deepEqual(told([label]), [[1, 0], undefined]);
  assert.deepEqual(told([label, scores]), [
    [
      { label: 1, p: [0.25, 0.75] },
      { label: 0, p: [1, 0] },
    ],
    undefined,
  ]);
});

test('scores of classes that have names are by name; names that are too few, or twice, name nothing', () => {
  assert.deepEqual(told([scores], { p: ['yes', 'no'] })[0], [
    { yes: 0.25, no: 0.75 },
    { yes: 1, no: 0 },
  ]);
  for (const p of [['yes'], ['yes', 'yes']])
    assert.deepEqual(told([scores], { p })[0], [
      [0.25, 0.75],
      [1, 0],
    ]);
});

test('a column of one is its value; what does not come row by row stands beside', () => {
  const column = { name: 'risk', datatype: 'FP32' as const, shape: [2, 1], data: floats(0.5, Number.NaN) };
  assert.deepEqual(told([column]), [[0.5, null], undefined]);
  const whole = { name: 'mean', datatype: 'FP32' as const, shape: [3], data: floats(1, 2, 3) };
  assert.deepEqual(told([label, whole]), [[{ label: 1 }, { label: 0 }], { mean: [1, 2, 3] }]);
  assert.deepEqual(told([whole]), [[], { mean: [1, 2, 3] }]);
});

test('rows become tensors of the model’s datatypes, little-endian', () => {
  const rows = (datatype: string, ...values: (number | bigint | boolean | string | Uint8Array)[]) => {
    const [tensor] = rowTensors({
      rows: values.length,
      inputs: [{ name: 'X', datatype, shape: [values.length], values }],
    });
    return Buffer.from(tensor?.data ?? []).toString('hex');
  };
  assert.equal(rows('FP32', 1.5, 2), '0000c03f00000040');
  assert.equal(rows('FP64', -1), '000000000000f0bf');
  assert.equal(rows('FP16', 1), '003c');
  assert.equal(rows('INT64', -2, 9007199254740993n), 'feffffffffffffff0100000000002000');
  assert.equal(rows('UINT64', 2n ** 64n - 1n), 'ffffffffffffffff');
  assert.equal(rows('INT16', -2, 258), 'feff0201');
  assert.equal(rows('INT32', 2 ** 31 - 1), 'ffffff7f');
  assert.equal(rows('UINT8', 255, 0), 'ff00');
  assert.equal(rows('BOOL', true, false), '0100');
  assert.equal(rows('BYTES', 'é', '', Uint8Array.of(0xff, 0)), '02000000c3a90000000002000000ff00');
});
