import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  carries,
  fastest,
  hardest,
  quickest,
  ratios,
  type Tried,
} from '../../../../bench/side-by-side/static/choose.js';
import { pairConfig, pairName, staticPairs } from '../../../../bench/side-by-side/static/pairs.js';

test('a sweep is five sizes by three delays; a narrow one its corners', () => {
  const pairs = staticPairs(false);
  assert.equal(pairs.length, 15);
  assert.equal(new Set(pairs.map((pair) => pairName('m', pair))).size, 15);
  assert.deepEqual(staticPairs(true), [
    { maxBatch: 1, delayMs: 0 },
    { maxBatch: 128, delayMs: 0 },
    { maxBatch: 1, delayMs: 5 },
    { maxBatch: 128, delayMs: 5 },
  ]);
});

test('a pair as config.pbtxt: the delay in microseconds, and none where there is none', () => {
  assert.equal(
    pairConfig({ maxBatch: 16, delayMs: 5 }),
    'max_batch_size: 16\ndynamic_batching { max_queue_delay_microseconds: 5000 }\n',
  );
  assert.equal(pairConfig({ maxBatch: 4, delayMs: 0 }), 'max_batch_size: 4\ndynamic_batching { }\n');
});

const tried = (
  maxBatch: number,
  ratePerS: number,
  defaultRatePerS: number,
  times?: [number, number],
): Tried => ({
  pair: { maxBatch, delayMs: 0 },
  ratePerS,
  defaultRatePerS,
  ...(times && { p99Ms: times[0], defaultP99Ms: times[1] }),
});
const sizes = (pairs: readonly { maxBatch: number }[]): number[] => pairs.map(({ maxBatch }) => maxBatch);

test('finalists are chosen against the default beside them, not by what the machine did just then', () => {
  const all = [tried(1, 100, 200), tried(4, 90, 80), tried(16, 120, 130)];
  assert.deepEqual(sizes(fastest(all, 2)), [4, 16]);
  assert.ok(carries(tried(1, 90, 100)) && !carries(tried(1, 89, 100)));
});

test('the quickest are those of the pairs that were timed', () => {
  const all = [tried(1, 1, 1), tried(4, 1, 1, [10, 5]), tried(16, 1, 1, [12, 12]), tried(64, 1, 1, [9, 8])];
  assert.deepEqual(sizes(quickest(all, 2)), [16, 64]);
  assert.deepEqual(quickest([tried(1, 1, 1)], 2), []);
});

test('the hardest to beat: highest rate, lowest time, by the median of the rounds', () => {
  const finalist = (maxBatch: number, theirs: readonly number[]) => ({
    pair: { maxBatch, delayMs: 0 },
    rounds: theirs.map((one) => ({ ours: 10, theirs: one })),
  });
  const both = [finalist(1, [10, 11, 90]), finalist(4, [12, 12, 12])];
  assert.equal(hardest(both, 'rate')?.pair.maxBatch, 4);
  assert.equal(hardest(both, 'time')?.pair.maxBatch, 1);
  assert.equal(hardest([], 'rate'), undefined);
  assert.deepEqual(ratios([{ ours: 6, theirs: 3 }]), [2]);
});
