import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeTensor } from '../../../client/encode-tensor.js';
import { SluiceClientError } from '../../../client/error.js';
import type { TensorInput } from '../../../client/tensor-input.js';

function hex(datatype: string, value: TensorInput): string {
  return Buffer.from(encodeTensor('x', datatype, value).data).toString('hex');
}

test('each datatype is written little-endian', () => {
  const table: readonly [datatype: string, value: TensorInput, bytes: string][] = [
    ['BOOL', [true, false, 1, 0], '01000100'],
    ['INT8', [-128, 127], '807f'],
    ['UINT8', [0, 255], '00ff'],
    ['INT16', [-2, 258], 'feff0201'],
    ['UINT16', [65535], 'ffff'],
    ['INT32', [-1, 16909060], 'ffffffff04030201'],
    ['UINT32', [4294967295], 'ffffffff'],
    ['INT64', [-1, 2], `${'ff'.repeat(8)}02${'00'.repeat(7)}`],
    ['UINT64', [18446744073709551615n], 'ff'.repeat(8)],
    ['FP16', [1, -2], '003c00c0'],
    ['BF16', [1], '803f'],
    ['FP32', [1, -0], '0000803f00000080'],
    ['FP64', [1], '000000000000f03f'],
    ['BYTES', ['ab', ''], '0200000061620000' + '0000'],
    ['BYTES', ['é', Uint8Array.of(0, 255)], '02000000c3a90200000000ff'],
  ];
  for (const [datatype, value, bytes] of table) assert.equal(hex(datatype, value), bytes, datatype);
});

test('the shape follows from the nesting, or is given', () => {
  const table: readonly [datatype: string, value: TensorInput, shape: number[]][] = [
    ['FP32', 7, []],
    ['BYTES', 'text', []],
    ['BYTES', Uint8Array.of(1, 2), []],
    ['UINT8', Uint8Array.of(1, 2), [2]],
    ['FP32', [[1, 2, 3]], [1, 3]],
    ['FP32', [[[1], [2]]], [1, 2, 1]],
    ['FP32', [], [0]],
    ['FP32', [[], []], [2, 0]],
    ['FP32', [Float32Array.of(1, 2), Float32Array.of(3, 4)], [2, 2]],
    ['FP32', { shape: [2, 2], data: [1, 2, 3, 4] }, [2, 2]],
    ['FP32', { shape: [0, 4], data: [] }, [0, 4]],
    ['FP32', { shape: [], data: [5] }, []],
    ['BYTES', { shape: [1, 2], data: ['a', 'b'] }, [1, 2]],
  ];
  for (const [datatype, value, shape] of table) {
    assert.deepEqual(encodeTensor('x', datatype, value).shape, shape, JSON.stringify(value));
  }
});

test('a typed array of the datatype is sent as it lies, another one is converted', () => {
  const own = Float32Array.of(1, 2, 3).subarray(1);
  const sent = encodeTensor('x', 'FP32', own);
  assert.equal(sent.data.buffer, own.buffer);
  assert.equal(sent.data.byteOffset, 4);
  assert.equal(sent.data.length, 8);
  assert.equal(hex('FP64', Float32Array.of(1)), '000000000000f03f');
  assert.equal(hex('FP32', { shape: [2], data: Float64Array.of(1, 2) }), '0000803f00000040');
  assert.equal(hex('INT64', BigInt64Array.of(-1n)), 'ff'.repeat(8));
  assert.throws(() => encodeTensor('x', 'BOOL', Uint8Array.of(2)), /wanted true or false/);
});

test('what JSON cannot say as a number is taken as text', () => {
  assert.equal(hex('FP32', ['NaN', 'Infinity', '-Infinity']), '0000c07f0000807f000080ff');
  assert.equal(
    hex('INT64', ['9223372036854775807', '-9223372036854775808']),
    `${'ff'.repeat(7)}7f${'00'.repeat(7)}80`,
  );
});

test('a value that does not fit is refused, with its index and what is wanted', () => {
  const table: readonly [datatype: string, value: unknown, message: RegExp][] = [
    ['FP32', [[1, 2], [3]], /'x': the lists are ragged: \[1\] has 1 elements, .* has 2/],
    ['FP32', [[1], 2], /element \[1\] is 2; wanted a list of 1/],
    ['FP32', [1, [2]], /element \[1\] is a list of 1; wanted a single value/],
    ['FP32', [[1, 'a']], /element \[0\]\[1\] is the text 'a'; wanted a number \(FP32\)/],
    ['FP32', [null], /element \[0\] is null; wanted a number/],
    ['FP32', [1e39], /beyond the range of ±3\.403e\+38/],
    ['FP16', [65520], /beyond the range of ±6\.550e\+4/],
    ['FP32', [1n], /is 1n; wanted a number/],
    ['FP32', true, /the value is true; wanted a number/],
    ['FP32', undefined, /the value is missing/],
    ['FP32', { a: 1 }, /the value is an object/],
    ['INT8', [128], /wanted an integer from -128 to 127/],
    ['UINT8', [-1], /wanted an integer from 0 to 255/],
    ['INT32', [1.5], /is 1\.5; wanted an integer/],
    ['INT32', [2n ** 31n], /from -2147483648 to 2147483647/],
    ['INT64', [2 ** 53], /not exact: give a bigint, or decimal text/],
    ['INT64', [2n ** 63n], /wanted an integer from -9223372036854775808/],
    ['INT64', ['12x'], /is the text '12x'; wanted an integer/],
    ['UINT64', [-1], /from 0 to 18446744073709551615/],
    ['BOOL', ['true'], /wanted true or false/],
    ['BYTES', [1], /is 1; wanted text or a Uint8Array/],
    ['BYTES', ['\ud800'], /half of a surrogate pair/],
    ['FP32', { shape: [2, 2], data: [1, 2, 3] }, /data has 3 elements, shape \[2, 2\] wants 4/],
    ['FP32', { shape: [-1], data: [1] }, /shape \[-1\] has -1; wanted integers from 0/],
    ['FP32', { shape: [1], data: 5 }, /data is 5, wanted a list/],
    ['FP32', { shape: [1], data: [[5]] }, /element \[0\] is a list of 1/],
    ['FP128', [1], /datatype 'FP128' is not known/],
    ['constructor', [1], /datatype 'constructor' is not known/],
  ];
  for (const [datatype, value, message] of table) {
    assert.throws(
      () => encodeTensor('x', datatype, value as TensorInput),
      (error) =>
        error instanceof SluiceClientError &&
        error.code === 'INVALID_ARGUMENT' &&
        message.test(error.message),
      `${datatype} ${String(message)}`,
    );
  }
});

test('a list that contains itself ends in an error, not in a full stack', () => {
  const endless: unknown[] = [];
  endless.push(endless);
  assert.throws(() => encodeTensor('x', 'FP32', endless as TensorInput), /nested deeper than 32/);
});

test('a message is short and on one line, whatever was given', () => {
  const name = `a\n${'b'.repeat(100_000)}`;
  assert.throws(
    () => encodeTensor(name, 'FP32', ['\u001b[31m'.repeat(10_000)]),
    (error: Error) => error.message.length < 400 && !/\p{Cc}/u.test(error.message),
  );
});
