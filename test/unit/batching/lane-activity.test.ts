import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lane } from '../../../gateway/batching/lane.js';
import { LaneActivity } from '../../../gateway/batching/lane-activity.js';
import { manifestOf } from './rig.js';

const A = new Lane(manifestOf({ model: 'a' }));
const B = new Lane(manifestOf({ model: 'b' }));
const C = new Lane(manifestOf({ model: 'c' }));

test('whether several models had requests within the last second', () => {
  const rows: [string, [Lane, number][], number, boolean][] = [
    ['none yet', [], 0, false],
    ['one', [[A, 0]], 500, false],
    [
      'one, often',
      [
        [A, 0],
        [A, 100],
        [A, 200],
      ],
      200,
      false,
    ],
    [
      'two',
      [
        [A, 0],
        [B, 100],
      ],
      999,
      true,
    ],
    [
      'two, a second after the other',
      [
        [A, 0],
        [B, 100],
      ],
      1000,
      false,
    ],
    [
      'the other came again',
      [
        [A, 0],
        [B, 100],
        [A, 900],
      ],
      1099,
      true,
    ],
    [
      'the other has been gone for a second',
      [
        [A, 0],
        [B, 100],
        [A, 900],
      ],
      1100,
      false,
    ],
    [
      'one goes on alone',
      [
        [A, 0],
        [B, 100],
        [B, 2000],
      ],
      2000,
      false,
    ],
    [
      'three',
      [
        [A, 0],
        [B, 100],
        [C, 1050],
      ],
      1050,
      true,
    ],
  ];
  for (const [sentence, seen, now, wanted] of rows) {
    const activity = new LaneActivity();
    for (const [lane, at] of seen) activity.seen(lane, at);
    assert.equal(activity.shared(now), wanted, sentence);
  }
});

test('until when others than a model count', () => {
  const activity = new LaneActivity();
  assert.equal(activity.othersUntil(A), Number.NEGATIVE_INFINITY);
  activity.seen(A, 100);
  assert.equal(activity.othersUntil(A), Number.NEGATIVE_INFINITY, 'it is no other to itself');
  assert.equal(activity.othersUntil(B), 1100);
  activity.seen(B, 300);
  assert.deepEqual(
    [A, B, C].map((lane) => activity.othersUntil(lane)),
    [1300, 1100, 1300],
  );
});
