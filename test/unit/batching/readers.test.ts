import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readersOf } from '../../../gateway/batching/readers.js';
import type { Tensor } from '../../../gateway/core/tensor.js';

const tensor = (bytes: number): Tensor => ({
  name: 'y',
  datatype: 'UINT8',
  shape: [bytes],
  data: Buffer.allocUnsafeSlow(bytes),
});

test('outputs are freed after their last reader, however often the others say that they are done', () => {
  const output = tensor(100_000);
  const readers = readersOf([output], 2);
  const first = readers?.release();
  const second = readers?.release();
  first?.();
  first?.();
  assert.equal(output.data.length, 100_000);
  second?.();
  assert.equal(output.data.length, 0);
});

test('nobody counts the readers of small outputs', () => {
  assert.equal(readersOf([tensor(1000)], 2), undefined);
});
