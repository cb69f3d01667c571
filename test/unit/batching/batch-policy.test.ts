import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  before,
  bisect,
  type Candidate,
  judge,
  retryAfterMs,
  turnOf,
} from '../../../gateway/batching/batch-policy.js';

const NEVER = Number.POSITIVE_INFINITY;

/** What the batcher does with `judge`: the costs of the batch and of the expired, at now = 100 with room for 8. */
function form(queue: readonly Candidate[]): { batch: number[]; expired: number[] } {
  const batch: number[] = [];
  const expired: number[] = [];
  for (const head of queue) {
    const cost = batch.reduce((sum, each) => sum + each, 0);
    const verdict = judge(head, { entries: batch.length, cost }, 8, 100);
    if (verdict === 'close') break;
    (verdict === 'join' ? batch : expired).push(head.cost);
  }
  return { batch, expired };
}

test('which of the waiting entries form the batch', () => {
  const rows: [string, Candidate[], number[], number[]][] = [
    ['nothing waits: nothing runs', [], [], []],
    ['one entry runs at once, however small', [{ cost: 1, deadline: 200 }], [1], []],
    [
      'entries join while they fit, rows counting and not requests',
      [3, 3, 2, 1].map((cost) => ({ cost, deadline: 200 })),
      [3, 3, 2],
      [],
    ],
    [
      'an entry that does not fit closes the batch, also for smaller ones behind it',
      [6, 3, 1].map((cost) => ({ cost, deadline: 200 })),
      [6],
      [],
    ],
    ['the first joins even if it is larger than the room', [{ cost: 9, deadline: NEVER }], [9], []],
    [
      'an expired entry is put aside and takes no room',
      [
        { cost: 5, deadline: 99 },
        { cost: 8, deadline: 101 },
      ],
      [8],
      [5],
    ],
    ['a deadline that is now has passed', [{ cost: 1, deadline: 100 }], [], [1]],
    [
      'an expired entry is put aside rather than close a full batch',
      [
        { cost: 8, deadline: NEVER },
        { cost: 1, deadline: 1 },
      ],
      [8],
      [1],
    ],
  ];
  for (const [sentence, queue, batch, expired] of rows) {
    assert.deepEqual(form(queue), { batch, expired }, sentence);
  }
});

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
