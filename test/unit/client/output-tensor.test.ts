import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeTensor } from '../../../client/encode-tensor.js';
import { OutputTensor } from '../../../client/output-tensor.js';
import type { TensorInput } from '../../../client/tensor-input.js';

function roundTrip(datatype: string, value: TensorInput): OutputTensor {
  const { shape, data } = encodeTensor('x', datatype, value);
  return OutputTensor.decode('y', datatype, shape, data);
}

test('every datatype comes back as it was sent, nested by its shape', () => {
  const table: readonly [datatype: string, value: TensorInput][] = [
    ['BOOL', [[true], [false]]],
    ['INT8', [-128, 127]],
    ['UINT8', [255]],
    ['INT16', [[-32768, 32767]]],
    ['UINT16', [65535]],
    ['INT32', [-(2 ** 31)]],
    ['UINT32', [2 ** 32 - 1]],
    ['INT64', [-5, 2 ** 53 - 1]],
    ['UINT64', [7]],
    ['FP16', [0.5, -65504]],
    ['BF16', [0.5]],
    ['FP32', [[[0.25]], [[-1e10]]]],
    ['FP64', 0.1],
    [
      'BYTES',
      [
        ['a', ''],
        ['é', '\0'],
      ],
    ],
    ['FP32', []],
    ['FP32', [[], []]],
  ];
  for (const [datatype, value] of table) assert.deepEqual(roundTrip(datatype, value).data, value, datatype);
});

test('what JSON has no number for becomes text, and can be sent back as it is', () => {
  const table: readonly [datatype: string, value: TensorInput, data: unknown][] = [
    [
      'INT64',
      [2n ** 53n, -(2n ** 63n), 2n ** 53n - 1n],
      ['9007199254740992', '-9223372036854775808', 9007199254740991],
    ],
    ['UINT64', [2n ** 64n - 1n], ['18446744073709551615']],
    [
      'FP32',
      [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      ['NaN', 'Infinity', '-Infinity'],
    ],
  ];
  for (const [datatype, value, data] of table) {
    const output = roundTrip(datatype, value);
    assert.deepEqual(output.data, data);
    const parsed = JSON.parse(JSON.stringify(output)) as { data: TensorInput };
    assert.deepEqual({ ...parsed }, { datatype, shape: [Array.isArray(data) ? data.length : 0], data });
    assert.deepEqual(encodeTensor('x', datatype, parsed.data).data, encodeTensor('x', datatype, value).data);
  }
});

test('typed() and elements() keep what JSON cannot', () => {
  assert.deepEqual(roundTrip('INT64', [2n ** 62n]).typed(), BigInt64Array.of(2n ** 62n));
  assert.deepEqual(roundTrip('FP32', [[Number.NaN, -0]]).typed(), Float32Array.of(Number.NaN, -0));
  assert.deepEqual(roundTrip('FP16', [1.5]).typed(), Float32Array.of(1.5));
  assert.deepEqual(roundTrip('BOOL', [true]).typed(), Uint8Array.of(1));
  const invalid = roundTrip('BYTES', [Uint8Array.of(0xff), '\uFEFFx']);
  assert.deepEqual(invalid.data, ['\uFFFD', '\uFEFFx']);
  assert.deepEqual(
    invalid.elements().map((element) => [...element]),
    [[0xff], [0xef, 0xbb, 0xbf, 0x78]],
  );
  assert.throws(() => invalid.typed(), /call elements/);
  assert.throws(() => roundTrip('FP32', [1]).elements(), /call typed/);
});

test('bytes that start anywhere in a larger buffer are read', () => {
  const whole = Buffer.concat([Buffer.of(9), Buffer.from(Float64Array.of(0.1, 0.2).buffer)]);
  const output = OutputTensor.decode('y', 'FP64', [2], whole.subarray(1));
  assert.deepEqual(output.data, [0.1, 0.2]);
  assert.deepEqual(output.typed(), Float64Array.of(0.1, 0.2));
});

test('an answer that contradicts itself is refused and names the output', () => {
  const table: readonly [datatype: string, shape: number[], bytes: number[], message: RegExp][] = [
    ['FP32', [2], [0, 0, 0, 0], /output 'y' of the answer: it has 4 bytes, shape \[2\] of FP32 wants 8/],
    ['FP32', [-1], [], /its shape is \[-1\]/],
    ['FP32', [1.5], [], /its shape is \[1\.5\]/],
    ['FP128', [1], [0], /datatype 'FP128' is not known/],
    ['BYTES', [1], [5, 0, 0, 0, 1], /are not 1 length-prefixed elements/],
    ['BYTES', [1], [0, 0], /are not 1 length-prefixed elements/],
    ['BYTES', [2], [0, 0, 0, 0], /are not 2 length-prefixed elements/],
    ['FP32', [2 ** 31, 0], [], /its shape is \[2147483648, 0\]/],
    ['FP32', new Array<number>(33).fill(1), [0, 0, 0, 0], /it has 33 dimensions/],
  ];
  for (const [datatype, shape, bytes, message] of table) {
    assert.throws(() => OutputTensor.decode('y', datatype, shape, Uint8Array.from(bytes)), message);
  }
});
