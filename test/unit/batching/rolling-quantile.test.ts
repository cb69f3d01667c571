import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RollingQuantile } from '../../../gateway/batching/rolling-quantile.js';

function of(values: readonly number[], size = 64, quantile = 0.95): number {
  const rolling = new RollingQuantile(size, quantile);
  for (const value of values) rolling.add(value);
  return rolling.value;
}

test('the quantile of the last values', () => {
  const rows: [string, readonly number[], number][] = [
    ['nothing added', [], 0],
    ['one value', [3], 3],
    ['few: the largest', [3, 9, 1], 9],
    ['one of sixty-four is not the 95th of a hundred', [...Array(31).fill(1), 50, ...Array(32).fill(1)], 1],
    ['four of sixty-four are', [...Array(60).fill(1), 50, 50, 50, 50], 50],
    ['what is older than the last sixty-four is forgotten', [...Array(64).fill(50), ...Array(64).fill(1)], 1],
  ];
  for (const [sentence, values, wanted] of rows) assert.equal(of(values), wanted, sentence);
});

test('whatever was added: what sorting the last values says, of at most seven values ago', () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 64 }),
      fc.double({ min: 0.01, max: 0.99, noNaN: true }),
      (values, size, quantile) => {
        const wanted = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((ago) => {
          const known = values.slice(0, values.length - ago).slice(-size);
          if (known.length === 0) return [];
          known.sort((a, b) => a - b);
          return [known[Math.min(known.length - 1, Math.floor(quantile * known.length))]];
        });
        assert.ok(wanted.includes(of(values, size, quantile)));
      },
    ),
  );
});
