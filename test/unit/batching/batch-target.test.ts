import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { kneeOf, MAX_BATCH_MS, rowsWithin } from '../../../gateway/batching/batch-target.js';

test('the knee of known lines', () => {
  const rows: [string, number, number, number, number][] = [
    ['what costs per row only gains nothing by a batch', 0, 2, 64, 1],
    ['what costs the same however large it is gains up to 0.985 of the largest', 20, 0, 64, 64],
    ['both', 20, 2, 64, 58],
    ['a small model', 0.01, 0.05, 64, 11],
    ['nothing known to take time: as large as it may be', 0, 0, 64, 64],
    ['a largest batch of one', 20, 2, 1, 1],
    ['not a number: as large as it may be', Number.NaN, 1, 64, 64],
  ];
  for (const [sentence, fixedMs, perRowMs, maxRows, knee] of rows)
    assert.equal(kneeOf({ fixedMs, perRowMs }, maxRows), knee, sentence);
});

test('the knee is the smallest batch with 0.985 of the best throughput, whatever the line', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.double({ min: 0.001, max: 20, noNaN: true }),
      fc.integer({ min: 1, max: 300 }),
      (fixedMs, perRowMs, maxRows) => {
        const knee = kneeOf({ fixedMs, perRowMs }, maxRows);
        const throughput = (rows: number): number => rows / (fixedMs + perRowMs * rows);
        const wanted = 0.985 * throughput(maxRows);
        assert.ok(Number.isInteger(knee) && knee >= 1 && knee <= maxRows);
        assert.ok(throughput(knee) >= wanted * (1 - 1e-6), 'it is enough');
        assert.ok(knee === 1 || throughput(knee - 1) < wanted * (1 + 1e-6), 'less is not');
      },
    ),
  );
});

test('the rows of a batch that is not too long', () => {
  const rows: [string, number, number, number, number][] = [
    ['all of them', 10, 0.5, 80, 80],
    ['as many as there is time for', 10, 1, 64, 40],
    ['rounded down', 10, 3, 64, 13],
    ['one, where that takes too long already', 60, 3, 64, 1],
    ['one row too long by itself', 0, 70, 64, 1],
    ['nothing per row, and too long', 60, 0, 64, 1],
  ];
  for (const [sentence, fixedMs, perRowMs, maxRows, wanted] of rows) {
    const found = rowsWithin({ fixedMs, perRowMs }, maxRows);
    assert.equal(found, wanted, sentence);
    assert.ok(found === 1 || fixedMs + perRowMs * found <= MAX_BATCH_MS, sentence);
  }
});
