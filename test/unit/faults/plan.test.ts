import assert from 'node:assert/strict';
import { test } from 'node:test';
import { faultTimes, median } from '../../faults/plan.js';

test('faults strike by seed, each early in a second that is no steady one', () => {
  const { atMs, durationMs, hit, steady } = faultTimes(1, 3, 2000);
  assert.deepEqual(faultTimes(1, 3, 2000).atMs, atMs);
  assert.notDeepEqual(faultTimes(2, 3, 2000).atMs, atMs);
  assert.deepEqual(hit, [3, 5, 7]);
  assert.deepEqual(steady, [1, 2, 4, 6, 8]);
  assert.equal(durationMs, 9000);
  for (const ms of atMs) assert.ok(ms % 1000 >= 50 && ms % 1000 <= 150, String(ms));
});

test('faults closer than a second share it, and some seconds stay steady', () => {
  const { atMs, durationMs, hit, steady } = faultTimes(1, 150, 200);
  assert.equal(atMs.length, 150);
  assert.deepEqual([hit[0], hit.at(-1), hit.length], [3, 32, 30]);
  assert.deepEqual(steady, [1, 2, 33, 34]);
  assert.equal(durationMs, 35_000);
});

test('the median is one of the values, of two in the middle the lower', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2);
  assert.equal(median([]), undefined);
});
