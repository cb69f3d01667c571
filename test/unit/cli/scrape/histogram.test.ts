import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countedBetween, meanOf, quantileOf } from '../../../../cli/scrape/histogram.js';
import { parsePage } from '../../../../cli/scrape/page.js';

function page(counts: readonly [le: string, count: number][], sum: number, labels = 'model="a"') {
  const lines = counts.map(([le, count]) => `sluice_h_bucket{le="${le}",${labels}} ${count}`);
  return parsePage(
    [...lines, `sluice_h_sum{${labels}} ${sum}`, `sluice_h_count{${labels}} ${counts.at(-1)?.[1]}`].join(
      '\n',
    ),
  );
}

const BEFORE = page(
  [
    ['0.1', 100],
    ['0.5', 100],
    ['1', 100],
    ['+Inf', 100],
  ],
  5,
);
const AFTER = page(
  [
    ['0.1', 150],
    ['0.5', 190],
    ['1', 199],
    ['+Inf', 200],
  ],
  45,
);

test('what came since the page before: counts, sum and buckets; without one, all of it', () => {
  const counted = countedBetween(BEFORE, AFTER, 'sluice_h');
  assert.deepEqual([counted.count, counted.sum], [100, 40]);
  assert.deepEqual(
    counted.buckets.map(({ count }) => count),
    [50, 90, 99, 100],
  );
  assert.equal(countedBetween(undefined, AFTER, 'sluice_h').count, 200);
  assert.equal(countedBetween(AFTER, BEFORE, 'sluice_h').count, 0, 'nothing goes down');
  assert.equal(countedBetween(BEFORE, AFTER, 'sluice_h', { model: 'b' }).count, 0);
});

test('quantiles: as far into the bucket as the rank is; above all bounds, the largest; of nothing, none', () => {
  const counted = countedBetween(BEFORE, AFTER, 'sluice_h');
  const near = (share: number, wanted: number) =>
    assert.ok(
      Math.abs((quantileOf(counted, share) ?? -1) - wanted) < 1e-9,
      `${share}: ${quantileOf(counted, share)}`,
    );
  near(0.25, 0.05);
  near(0.5, 0.1);
  near(0.7, 0.3);
  near(0.99, 1);
  near(0.999, 1);
  assert.equal(quantileOf(countedBetween(AFTER, AFTER, 'sluice_h'), 0.5), undefined);
  const second = countedBetween(
    undefined,
    page(
      [
        ['0.1', 0],
        ['0.5', 10],
        ['+Inf', 10],
      ],
      1,
    ),
    'sluice_h',
  );
  assert.ok(Math.abs((quantileOf(second, 0.5) ?? 0) - 0.3) < 1e-9, 'begins at the bound below, not at 0');
});

test('the mean, and none of nothing', () => {
  assert.equal(meanOf(countedBetween(BEFORE, AFTER, 'sluice_h')), 0.4);
  assert.equal(meanOf({ count: 0, sum: 0 }), undefined);
});
