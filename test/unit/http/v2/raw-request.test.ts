import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Datatype } from '../../../../gateway/core/datatype.js';
import type { Signature } from '../../../../gateway/core/model.js';
import { readRawRequest } from '../../../../gateway/http/v2/raw-request.js';
import { manifest, spec } from '../../serving/make-call.js';

/** What a body is for a model with these inputs. */
function read(body: Buffer, batchable: boolean, ...inputs: Signature['inputs']) {
  const request = readRawRequest(body, manifest({ inputs, batchable }));
  const [{ name, datatype, shape, data } = assert.fail()] = request.inputs;
  assert.deepEqual([request.allBinary, request.inputs.length], [true, 1]);
  return [name, datatype, shape, Buffer.from(data).toString('latin1')];
}

const of = (datatype: Datatype, ...shape: number[]) => spec('X', datatype, shape);
const bytes = Buffer.from('abcdefgh');

test('a body is one row of a batched model, and all of another', () => {
  assert.deepEqual(read(bytes, true, of('FP32', -1, 2)), ['X', 'FP32', [1, 2], 'abcdefgh']);
  assert.deepEqual(read(bytes, true, of('UINT8', -1)), ['X', 'UINT8', [1], 'abcdefgh']);
  assert.deepEqual(read(bytes, false, of('INT16', 2, 2)), ['X', 'INT16', [2, 2], 'abcdefgh']);
});

test('one variable dimension is as long as the bytes make it', () => {
  assert.deepEqual(read(bytes, true, of('FP32', -1, -1))[2], [1, 2]);
  assert.deepEqual(read(bytes, false, of('INT16', 2, -1))[2], [2, 2]);
  assert.deepEqual(read(bytes, false, of('UINT8', -1))[2], [8]);
  // Not whole: for the check of bytes to say.
  assert.deepEqual(read(bytes.subarray(1), false, of('INT16', -1))[2], [3]);
  assert.deepEqual(read(bytes, false, of('INT16', 0, -1))[2], [0, 0]);
});

test('a text comes without its length', () => {
  assert.deepEqual(read(bytes, true, of('BYTES', -1, 1)), ['X', 'BYTES', [1, 1], '\b\0\0\0abcdefgh']);
  for (const shape of [
    [-1, 2],
    [-1, -1],
  ])
    assert.throws(
      () => read(bytes, true, of('BYTES', ...shape)),
      /For BYTE datatype raw input 'X', the model must have input shape \[1\]/,
    );
});

test('what says too little is refused', () => {
  assert.throws(
    () => read(bytes, true, of('FP32', -1, 2), spec('Y', 'FP32', [-1, 2])),
    /Raw request must only have 1 input \(found 1\) to be deduced but got 2 inputs in 'iris' model configuration/,
  );
  assert.throws(
    () => read(bytes, true, of('FP32', -1, -1, -1)),
    /The shape of the raw input 'X' can not be deduced because there are more than one variable-sized dimension/,
  );
});
