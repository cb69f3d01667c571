import assert from 'node:assert/strict';
import { test } from 'node:test';
import { before, bisect, retryAfterMs, turnOf } from '../../../gateway/batching/batch-policy.js';

const NEVER = Number.POSITIVE_INFINITY;

test('whose turn it is', () => {
  assert.ok(before({ turn: 1, sequence: 9 }, { turn: 2, sequence: 1 }), 'the earlier deadline goes first');
  assert.ok(before({ turn: 1, sequence: 1 }, { turn: 1, sequence: 2 }), 'equal deadlines go by arrival');
  assert.ok(!before({ turn: 1, sequence: 2 }, { turn: 1, sequence: 1 }));
  assert.equal(turnOf(500, 100, 1000), 500, 'a deadline is the turn');
  assert.equal(turnOf(5000, 100, 1000), 5000, 'also one beyond the horizon');
  assert.equal(turnOf(NEVER, 100, 1000), 1100, 'no deadline counts as the horizon after arrival');
});

test('when a refused caller may try again', () => {
  const base = { queuedCost: 80, maxCost: 8, fullBatchMs: 5, workers: 1 };
  assert.equal(retryAfterMs(base), 50, 'ten full batches of 5 ms');
  assert.equal(retryAfterMs({ ...base, workers: 4 }), 13, 'shared by four workers, rounded up');
  assert.equal(retryAfterMs({ ...base, queuedCost: 81 }), 55, 'a part of a batch takes as long as one');
  assert.equal(retryAfterMs({ ...base, queuedCost: 0 }), 1, 'never at once');
  assert.equal(retryAfterMs({ ...base, workers: 0 }), 50, 'no worker now: as if there were one');
  assert.equal(retryAfterMs({ ...base, queuedCost: 1e9 }), 30_000, 'never beyond what an estimate can say');
});

test('how a rejected batch is run again', () => {
  const rows: [string, number[], number[][]][] = [
    ['nobody left: nothing', [], []],
    ['one left of several: alone, since the guilty one may have gone', [1], [[1]]],
    ['two: each alone', [1, 2], [[1], [2]]],
    ['an odd number: the first half is the larger', [1, 2, 3], [[1, 2], [3]]],
    [
      'an even number: halves',
      [1, 2, 3, 4],
      [
        [1, 2],
        [3, 4],
      ],
    ],
  ];
  for (const [sentence, entries, parts] of rows) assert.deepEqual(bisect(entries), parts, sentence);
});
