import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bfloat16Bits, float16Bits, fromBfloat16Bits, fromFloat16Bits } from '../../../client/half.js';

test('known binary16 values have their bits', () => {
  const known: readonly [value: number, bits: number][] = [
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [1 / 3, 0x3555],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
  ];
  for (const [value, bits] of known) {
    assert.equal(float16Bits(value), bits, `${value}`);
    if (value !== 1 / 3) assert.equal(fromFloat16Bits(bits), value);
  }
});

test('binary16 rounds to nearest, ties to even, also across a power of two and into the subnormals', () => {
  const rounded: readonly [value: number, to: number, why: string][] = [
    [1 + 2 ** -11, 1, 'a tie goes to the even neighbour below'],
    [1 + 3 * 2 ** -11, 1 + 2 ** -9, 'a tie goes to the even neighbour above'],
    [1 + 2 ** -11 + 2 ** -30, 1 + 2 ** -10, 'just above a tie goes up'],
    [2 - 2 ** -12, 2, 'rounding up may carry into the exponent'],
    [2 ** -14 - 2 ** -26, 2 ** -14, 'the largest subnormals round up to the smallest normal'],
    [2 ** -25, 0, 'half of the smallest subnormal is a tie with zero'],
    [65519, 65504, 'below the tie at the top stays finite'],
  ];
  for (const [value, to, why] of rounded) assert.equal(fromFloat16Bits(float16Bits(value)), to, why);
  assert.equal(float16Bits(65520), 0x7c00);
});

test('every binary16 and every bfloat16 survives the way through a number', () => {
  for (let bits = 0; bits <= 0xffff; bits++) {
    const half = fromFloat16Bits(bits);
    if (Number.isNaN(half)) assert.equal(float16Bits(half), 0x7e00);
    else assert.equal(float16Bits(half), bits);
    const brain = fromBfloat16Bits(bits);
    if (Number.isNaN(brain)) assert.equal(bfloat16Bits(brain), 0x7fc0);
    else assert.equal(bfloat16Bits(brain), bits);
  }
});

test('bfloat16 rounds to nearest, ties to even', () => {
  assert.equal(bfloat16Bits(1), 0x3f80);
  assert.equal(bfloat16Bits(1 + 2 ** -8), 0x3f80);
  assert.equal(bfloat16Bits(1 + 3 * 2 ** -8), 0x3f82);
  assert.equal(bfloat16Bits(1 + 2 ** -8 + 2 ** -20), 0x3f81);
});
