import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherInputs, gatherOutputs, type Share } from '../../../gateway/batching/gather.js';
import { DATATYPE_BYTES, type Datatype } from '../../../gateway/core/datatype.js';
import type { Tensor } from '../../../gateway/core/tensor.js';
import { bytesOf } from './rig.js';

function share(rows: number, ...inputs: Tensor[]): Share {
  return { rows, inputs, outputs: [] };
}

/** `rows` rows of two elements, with bytes that say where they come from; unaligned on purpose. */
function tensor(datatype: Datatype, rows: number, seed: number): Tensor {
  const size = DATATYPE_BYTES[datatype];
  const data =
    size === 0
      ? bytesOf(...Array.from({ length: rows * 2 }, (_, i) => 'x'.repeat(i) + seed))
      : Uint8Array.from({ length: rows * 2 * size + 1 }, (_, i) => seed * 16 + i).subarray(1);
  return { name: 'X', datatype, shape: [rows, 2], data };
}

test('every datatype is concatenated byte for byte, also with shares of no rows', () => {
  for (const datatype of Object.keys(DATATYPE_BYTES) as Datatype[]) {
    const parts = [tensor(datatype, 2, 1), tensor(datatype, 0, 2), tensor(datatype, 3, 3)];
    const [gathered] = gatherInputs(parts.map((part) => share(part.shape[0] as number, part)));
    assert.deepEqual(gathered?.shape, [5, 2], datatype);
    assert.equal(gathered?.datatype, datatype);
    assert.deepEqual(
      [...(gathered?.data ?? [])],
      parts.flatMap((part) => [...part.data]),
      datatype,
    );
  }
});

test('each input gets a buffer of its own, exactly as long and transferable, also when it is empty', () => {
  const parts = [tensor('FP32', 1, 1), tensor('FP32', 0, 1), tensor('BYTES', 0, 1)];
  const gathered = [
    ...gatherInputs([share(1, parts[0] as Tensor)]),
    ...gatherInputs([share(0, parts[1] as Tensor, parts[2] as Tensor)]),
  ];
  const buffers = gathered.map((input) => input.data.buffer as ArrayBuffer);
  for (const [i, input] of gathered.entries()) {
    assert.equal(input.data.byteOffset, 0);
    assert.equal(buffers[i]?.byteLength, input.data.length);
  }
  assert.equal(new Set(buffers).size, 3);
  structuredClone(buffers, { transfer: buffers });
  assert.equal(gathered[0]?.data.length, 0, 'gone after the transfer');
  assert.equal(parts[0]?.data.length, 8, 'the request keeps its own bytes for another attempt');
});

test('a share alone keeps its shapes: scalars, and inputs that have no common first dimension', () => {
  const scalar: Tensor = { name: 's', datatype: 'FP32', shape: [], data: new Uint8Array([1, 2, 3, 4]) };
  const matrix: Tensor = { name: 'm', datatype: 'BOOL', shape: [2, 3], data: new Uint8Array(6) };
  assert.deepEqual(
    gatherInputs([share(1, scalar, matrix)]).map((input) => [input.name, input.shape, input.data.length]),
    [
      ['s', [], 4],
      ['m', [2, 3], 6],
    ],
  );
});

test('no input at all is gathered to none', () => {
  assert.deepEqual(gatherInputs([share(1)]), []);
});

test('which outputs are asked of the worker', () => {
  const rows: [string, string[][], string[]][] = [
    ['one share that wants all: all', [[]], ['a', 'b', 'c']],
    ['one share that wants some: those', [['c', 'a']], ['c', 'a']],
    ['several: each name once', [['a'], ['b', 'a']], ['a', 'b']],
    ['one of several wants all: all', [['a'], []], ['a', 'b', 'c']],
  ];
  for (const [sentence, wanted, outputs] of rows) {
    const shares = wanted.map((each) => ({ inputs: [], rows: 1, outputs: each }));
    assert.deepEqual(gatherOutputs(shares, ['a', 'b', 'c']), outputs, sentence);
  }
});
