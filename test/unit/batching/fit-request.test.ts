import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitRequest } from '../../../gateway/batching/fit-request.js';
import { Lane } from '../../../gateway/batching/lane.js';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import type { InferCall } from '../../../gateway/core/infer-call.js';
import type { Tensor } from '../../../gateway/core/tensor.js';
import { fp32, manifestOf } from './rig.js';

const TWO = new Lane(
  manifestOf({
    inputs: [
      { name: 'A', datatype: 'FP32', shape: [-1, -1] },
      { name: 'B', datatype: 'BYTES', shape: [-1] },
    ],
  }),
);
const B1: Tensor = { name: 'B', datatype: 'BYTES', shape: [1], data: new Uint8Array(4) };

function callOf(...inputs: Tensor[]): InferCall {
  return {
    model: 'echo',
    version: '',
    id: '',
    inputs,
    outputs: [],
    parameters: new Map(),
    deadline: Number.POSITIVE_INFINITY,
    cancellation: new Cancellation(),
    arrivedAt: 0,
  };
}

test('inputs are put in the order of the signature, and the order given changes nothing', () => {
  const straight = fitRequest(callOf(fp32('A', [[1, 2]]), B1), TWO);
  const crossed = fitRequest(callOf(B1, fp32('A', [[1, 2]])), TWO);
  assert.deepEqual(
    crossed.inputs.map((input) => input.name),
    ['A', 'B'],
  );
  assert.equal(crossed.shape, straight.shape);
  assert.deepEqual([crossed.rows, crossed.cost, crossed.bytes], [1, 1, 12]);
});

test('per-row shapes that differ in any way do not run together', () => {
  const lane = new Lane(manifestOf());
  const shapes = [[2], [2, 1], [2, 11], [2, 1, 1], [2, 0]].map((shape) => {
    const data = new Uint8Array(4 * shape.reduce((a, b) => a * b, 1));
    return fitRequest(callOf({ name: 'X', datatype: 'FP32', shape, data }), lane).shape;
  });
  assert.equal(new Set(shapes).size, shapes.length, shapes.join(' | '));
  const onlyA = fitRequest(callOf(fp32('A', [[1, 2]])), TWO).shape;
  const onlyB = fitRequest(callOf(B1), TWO).shape;
  const both = fitRequest(callOf(fp32('A', [[1, 2]]), B1), TWO).shape;
  assert.equal(new Set([onlyA, onlyB, both]).size, 3);
});

test('what would let bytes slide into the rows of others is refused', () => {
  const rows: [string, Tensor[], RegExp][] = [
    ['no input', [], /no batch dimension/],
    ['a scalar', [{ name: 'A', datatype: 'FP32', shape: [], data: new Uint8Array(4) }], /no batch dimension/],
    ['more rows than a batch', [fp32('A', Array(9).fill([1]))], /batch-size must be <= 8 for 'echo': got 9/],
    ['rows that differ', [fp32('A', [[1], [2]]), B1], /1 rows in input 'B', 2 in the first/],
    [
      'a byte too many',
      [{ name: 'A', datatype: 'FP32', shape: [1, 1], data: new Uint8Array(5) }, B1],
      /5 bytes in input 'A', its shape needs 4/,
    ],
    ['another datatype', [{ ...B1, name: 'A' }, B1], /BYTES in input 'A', wanted FP32/],
    ['an unknown input', [fp32('A', [[1]]), B1, fp32('C', [[1]])], /unknown or a repeated input/],
    ['a repeated input', [fp32('A', [[1]]), fp32('A', [[1]])], /unknown or a repeated input/],
  ];
  for (const [sentence, inputs, message] of rows) {
    assert.throws(() => fitRequest(callOf(...inputs), TWO), { code: 'INVALID_ARGUMENT', message }, sentence);
  }
});

test('a request without rows costs one, so that queues bound it', () => {
  const fit = fitRequest(callOf(fp32('X', [], 3)), new Lane(manifestOf()));
  assert.deepEqual([fit.rows, fit.cost, fit.bytes], [0, 1, 0]);
});

test('where requests run alone, shapes are left to the model', () => {
  for (const manifest of [
    manifestOf({ batchable: false, maxBatchSize: 0 }),
    manifestOf({ maxBatchSize: 0 }),
  ]) {
    const lane = new Lane(manifest);
    const scalar: Tensor = { name: 'X', datatype: 'FP32', shape: [], data: new Uint8Array(4) };
    assert.deepEqual([fitRequest(callOf(scalar), lane).rows, lane.maxCost], [1, 1]);
    assert.equal(fitRequest(callOf(fp32('X', Array(99).fill([1]))), lane).cost, 1);
  }
});

test('a request counts with the whole message that it keeps in memory, not only with what it uses of it', () => {
  const call = callOf(fp32('A', [[1, 2]]), B1);
  assert.equal(fitRequest(call, TWO).bytes, 12);
  assert.equal(fitRequest({ ...call, messageBytes: 5000 }, TWO).bytes, 5000);
  assert.equal(fitRequest({ ...call, messageBytes: 5 }, TWO).bytes, 12, 'typed contents grow when unpacked');
});
