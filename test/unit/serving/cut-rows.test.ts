import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cutRows, joinRows } from '../../../gateway/serving/cut-rows.js';
import { bytesData, tensor } from './make-call.js';

const floats = (name: string, rows: number, columns: number) =>
  tensor(name, [rows, columns], {
    data: new Uint8Array(Float32Array.from({ length: rows * columns }, (_, i) => i).buffer),
  });

test('rows are cut into pieces of at most so many, and put together again they are what they were', () => {
  const texts = Array.from({ length: 14 }, (_, i) => 'x'.repeat(i % 5));
  const inputs = [
    floats('X', 7, 3),
    tensor('flag', [7], { datatype: 'BOOL', data: Uint8Array.of(0, 1, 0, 1, 0, 1, 1) }),
    tensor('S', [7, 2], { datatype: 'BYTES', data: bytesData(...texts) }),
  ];
  for (const most of [1, 2, 3, 7, 100]) {
    const pieces = cutRows(inputs, most);
    assert.ok(pieces !== undefined);
    assert.equal(pieces.length, Math.ceil(7 / most));
    for (const piece of pieces) for (const { shape } of piece) assert.ok((shape[0] as number) <= most);
    const joined = joinRows(pieces);
    assert.deepEqual(
      joined?.map(({ name, datatype, shape, data }) => [name, datatype, shape, [...data]]),
      inputs.map(({ name, datatype, shape, data }) => [name, datatype, shape, [...data]]),
    );
  }
});

test('what does not agree with itself is not cut', () => {
  const strings = (data: Uint8Array, shape = [3, 1]) => tensor('S', shape, { datatype: 'BYTES', data });
  for (const inputs of [
    [floats('X', 3, 2), floats('Y', 4, 2)],
    [tensor('X', [3, 2], { data: new Uint8Array(23) })],
    [tensor('X', [-3, 2])],
    [tensor('X', [2 ** 52, 2 ** 52])],
    [tensor('X', [3, 0])],
    [tensor('X', [])],
    [strings(bytesData('a', 'b'))],
    [strings(bytesData('a', 'b', 'c', 'd'))],
    [strings(Buffer.concat([bytesData('a', 'b'), Uint8Array.of(255, 255, 255, 255)]))],
    [strings(bytesData('a', 'b', 'c'), [2 ** 40, 1])],
    [strings(bytesData('a', 'b', 'c').subarray(0, 14))],
  ])
    assert.equal(cutRows(inputs, 2), undefined, JSON.stringify(inputs.map(({ shape }) => shape)));
});

test('outputs of other shapes, or without rows, are not joined', () => {
  assert.equal(joinRows([[floats('Y', 2, 3)], [floats('Y', 2, 4)]]), undefined);
  assert.equal(joinRows([[tensor('Y', [])], [tensor('Y', [])]]), undefined);
});
