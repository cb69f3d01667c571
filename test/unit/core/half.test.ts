import assert from 'node:assert/strict';
import { test } from 'node:test';
import { float16Bits, float16Value } from '../../../gateway/core/half.js';

test('every FP16 is the number that it stands for: normals, denormals, infinities, NaN, both zeros', () => {
  const rows: readonly [number, number][] = [
    [0x0000, 0],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3c00, 1],
    [0xc000, -2],
    [0x3555, 0.333251953125],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e01, Number.NaN],
  ];
  for (const [bits, value] of rows) assert.ok(Object.is(float16Value(bits), value), bits.toString(16));
});

test('normal numbers are cut to FP16 and back, what is smaller is 0', () => {
  for (let bits = 0x0400; bits < 0x7c00; bits++)
    for (const signed of [bits, bits | 0x8000]) assert.equal(float16Bits(float16Value(signed)), signed);
  assert.equal(float16Bits(1 + 2 ** -11), 0x3c00);
  assert.equal(float16Bits(2 ** -20), 0);
  assert.equal(float16Bits(-(2 ** -20)), 0x8000);
});
