/** What a message of many small parts may cost. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError } from '../../../gateway/core/error.js';
import { decodeInferRequest } from '../../../gateway/grpc/oip-codec.js';
import { input, len, num, tag } from '../../support/wire-bytes.js';

const times = (count: number, part: Buffer): Buffer => Buffer.alloc(part.length * count, part);
const typed = (datatype: string, shape: number, contents: Buffer): Buffer =>
  input('X', datatype, [shape], len(5, contents));

const refusesCost = (message: Buffer): void =>
  assert.throws(
    () => decodeInferRequest(message),
    (error: GatewayError) =>
      error.code === 'INVALID_ARGUMENT' &&
      /too many fields.*send tensors in raw_input_contents/.test(error.message),
  );

test('a message of a million small fields is refused before it is read to its end', () => {
  const million = 2 ** 20;
  refusesCost(times(million + 1, len(1, '')));
  refusesCost(times(million + 1, num(100, 1)));
  refusesCost(typed('INT64', 1, times(million, num(3, 1))));
  refusesCost(typed('BYTES', 1, times(million, len(8, ''))));
  refusesCost(typed('FP32', 1, times(million, Buffer.concat([tag(6, 5), Buffer.alloc(4)]))));
  refusesCost(typed('INT64', 1, times(million, len(3, Buffer.of(1)))));
  refusesCost(len(5, len(1, 'X'), times(million, len(5))));
  refusesCost(input('X', 'FP32', [], len(3, times(million + 1, Buffer.of(1)))));
});

test('packed numbers are refused from eight million on, in one field or in several; fewer are read', () => {
  const half = times(2 ** 22, Buffer.of(1));
  refusesCost(typed('BOOL', 1, len(1, half, half, Buffer.of(1))));
  refusesCost(Buffer.concat([typed('INT32', 1, len(2, half)), typed('INT64', 1, len(3, half))]));
  assert.equal(decodeInferRequest(typed('BOOL', 2 ** 22, len(1, half))).inputs[0]?.data.length, 2 ** 22);
});

test('raw contents cost nothing that grows with them', () => {
  const rows = 2 ** 22;
  const message = Buffer.concat([input('X', 'FP32', [rows]), len(7, Buffer.alloc(rows * 4))]);
  assert.equal(decodeInferRequest(message).inputs[0]?.data.length, rows * 4);
});
