import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeBound, minPassingUnder } from '../../../bench/early-stopping.js';

test('the fewest calls under the bound are those of exact rational arithmetic', () => {
  // Computed with fractions: the smallest h with sum(C(h+t, k) (1-p)^k p^(h+t-k), k = 0..t) < 0.01. MLPerf's own tests
  // name 459 and 661 for p99, 44 for p90.
  const table: readonly [percentile: number, under: readonly (readonly [over: number, under: number])[]][] = [
    [
      0.5,
      [
        [0, 7],
        [1, 10],
        [2, 12],
        [5, 17],
        [10, 25],
        [20, 39],
      ],
    ],
    [
      0.9,
      [
        [0, 44],
        [1, 63],
        [2, 79],
        [5, 122],
        [10, 187],
        [20, 305],
      ],
    ],
    [
      0.95,
      [
        [0, 90],
        [1, 129],
        [2, 163],
        [5, 254],
        [10, 388],
        [20, 636],
      ],
    ],
    [
      0.99,
      [
        [0, 459],
        [1, 661],
        [2, 836],
        [5, 1302],
        [10, 2000],
        [20, 3284],
      ],
    ],
    [
      0.999,
      [
        [0, 4603],
        [1, 6635],
        [2, 8401],
        [5, 13100],
      ],
    ],
  ];
  for (const [percentile, rows] of table) {
    for (const [over, under] of rows)
      assert.equal(minPassingUnder(over, percentile), under, `p${percentile} with ${over} over`);
  }
});

test('with many calls the rule approaches the percentile itself, from above', () => {
  for (const over of [100, 1000, 10_000, 100_000]) {
    const share = minPassingUnder(over, 0.99) / (minPassingUnder(over, 0.99) + over);
    assert.ok(share > 0.99, `${share}`);
    assert.ok(share < 0.99 + 0.03 / Math.sqrt(over), `${share} with ${over}`);
  }
});

test('a bound is met, missed, or not yet decided', () => {
  const table: readonly [under: number, over: number, verdict: string, why: string][] = [
    [0, 0, 'too-few', 'nothing was seen'],
    [458, 0, 'too-few', 'one short of the 459 that no call over the bound needs'],
    [459, 0, 'met', 'the fewest'],
    [660, 1, 'too-few', 'below 1%, but it may be chance'],
    [661, 1, 'met', 'the fewest with one over'],
    [98, 2, 'missed', 'two in a hundred'],
    [0, 5, 'missed', 'none in time'],
  ];
  for (const [under, over, verdict, why] of table) assert.equal(judgeBound(under, over, 0.99), verdict, why);
});
