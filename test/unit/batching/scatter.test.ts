import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Portion, scatter } from '../../../gateway/batching/scatter.js';
import { DATATYPE_BYTES, type Datatype } from '../../../gateway/core/datatype.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { Tensor } from '../../../gateway/core/tensor.js';
import { bytesOf } from './rig.js';

const all = (rows: number): { rows: number; outputs: string[] } => ({ rows, outputs: [] });

function tensors(portion: Portion | undefined): readonly Tensor[] {
  assert.ok(Array.isArray(portion), String(portion));
  return portion as readonly Tensor[];
}

function failure(portion: Portion | undefined): string {
  assert.ok(portion instanceof GatewayError, 'should have failed');
  assert.equal(portion.code, 'INTERNAL');
  assert.equal(portion.details.reason, 'model_error');
  return portion.message;
}

test('every datatype is split by rows into views, also for shares of no rows', () => {
  for (const datatype of Object.keys(DATATYPE_BYTES) as Datatype[]) {
    const size = DATATYPE_BYTES[datatype];
    const elements = Array.from({ length: 10 }, (_, i) =>
      size === 0 ? bytesOf('y'.repeat(i % 4)) : Uint8Array.from({ length: size }, () => i),
    );
    const whole = Buffer.concat([Buffer.alloc(1), ...elements]).subarray(1);
    const output: Tensor = { name: 'Y', datatype, shape: [5, 2], data: whole };
    const portions = scatter([output], [all(2), all(0), all(3)], ['Y']).map(
      (each) => tensors(each)[0] as Tensor,
    );
    assert.deepEqual(
      portions.map((part) => part.shape),
      [
        [2, 2],
        [0, 2],
        [3, 2],
      ],
      datatype,
    );
    assert.deepEqual([...(portions[0] as Tensor).data], [...Buffer.concat(elements.slice(0, 4))], datatype);
    assert.equal((portions[1] as Tensor).data.length, 0, datatype);
    assert.deepEqual([...(portions[2] as Tensor).data], [...Buffer.concat(elements.slice(4))], datatype);
    for (const part of portions) assert.equal(part.data.buffer, whole.buffer, 'a view, not a copy');
  }
});

test('a vector output is split like a matrix', () => {
  const output: Tensor = { name: 'Y', datatype: 'BOOL', shape: [3], data: new Uint8Array([1, 2, 3]) };
  const [first, second] = scatter([output], [all(1), all(2)], ['Y']).map((each) => tensors(each)[0]);
  assert.deepEqual([first?.shape, [...(first?.data ?? [])]], [[1], [1]]);
  assert.deepEqual([second?.shape, [...(second?.data ?? [])]], [[2], [2, 3]]);
});

test('a share alone gets the outputs as they are, scalars and other first dimensions included', () => {
  const scalar: Tensor = { name: 's', datatype: 'FP32', shape: [], data: new Uint8Array(4) };
  const other: Tensor = { name: 'o', datatype: 'BOOL', shape: [7], data: new Uint8Array(7) };
  assert.deepEqual(tensors(scatter([other, scalar], [all(2)], ['s', 'o'])[0]), [scalar, other]);
});

test('each share gets what it asked for, in the order that it asked', () => {
  const outputs = ['a', 'b', 'c'].map(
    (name): Tensor => ({ name, datatype: 'BOOL', shape: [2], data: new Uint8Array(2) }),
  );
  const shares = [
    { rows: 1, outputs: ['c', 'a'] },
    { rows: 1, outputs: [] },
  ];
  const names = scatter(outputs, shares, ['a', 'b', 'c']).map((each) => tensors(each).map((t) => t.name));
  assert.deepEqual(names, [
    ['c', 'a'],
    ['a', 'b', 'c'],
  ]);
});

test('an output that is wrong fails those who wanted it, and says how', () => {
  const good: Tensor = { name: 'good', datatype: 'BOOL', shape: [3], data: new Uint8Array(3) };
  const text = (data: Uint8Array): Tensor => ({ name: 'Y', datatype: 'BYTES', shape: [3], data });
  const rows: [string, Tensor | undefined, RegExp][] = [
    ['missing', undefined, /^model output 'Y' is missing/],
    [
      'rows of another batch',
      { name: 'Y', datatype: 'BOOL', shape: [4], data: new Uint8Array(4) },
      /^model output 'Y' has shape \[4\] after a batch of 3 rows, wanted 3/,
    ],
    [
      'a scalar from a batch',
      { name: 'Y', datatype: 'BOOL', shape: [], data: new Uint8Array(1) },
      /^model output 'Y' has shape \[\] after a batch of 3 rows/,
    ],
    [
      'too few bytes',
      { name: 'Y', datatype: 'FP32', shape: [3], data: new Uint8Array(8) },
      /^model output 'Y' has 8 bytes, its shape \[3\] needs 12/,
    ],
    ['too few elements', text(bytesOf('a', 'b')), /^model output 'Y' has fewer than the 3 BYTES elements/],
    ['too many elements', text(bytesOf('a', 'b', 'c', 'd')), /^model output 'Y' has 5 bytes after the last/],
    ['an element cut short', text(bytesOf('a', 'b', 'c').subarray(0, 14)), /has fewer than the 3 BYTES/],
    [
      'a length that would wrap around as a signed number',
      text(Uint8Array.from([255, 255, 255, 255, ...bytesOf('b', 'c')])),
      /has fewer than the 3 BYTES/,
    ],
  ];
  for (const [sentence, bad, message] of rows) {
    const outputs = bad === undefined ? [good] : [good, bad];
    const shares = [all(1), { rows: 2, outputs: ['good'] }];
    const [whole, careful] = scatter(outputs, shares, ['good', 'Y']);
    assert.match(failure(whole), message, sentence);
    assert.equal(tensors(careful)[0]?.data.length, 2, `${sentence}: who did not want it is not harmed`);
  }
});

test('an answer whose bytes do not fit its shape fails a share alone too', () => {
  const output: Tensor = { name: 'Y', datatype: 'INT64', shape: [2], data: new Uint8Array(15) };
  assert.match(failure(scatter([output], [all(2)], ['Y'])[0]), /has 15 bytes, its shape \[2\] needs 16/);
});
