import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkInTime,
  checkQueueSize,
  checkRoom,
  type Prospect,
} from '../../../gateway/batching/admission.js';
import { Lane } from '../../../gateway/batching/lane.js';
import { GatewayError } from '../../../gateway/core/error.js';
import { manifestOf } from './rig.js';

/** `in`, or what is told of why not. */
function outcome(check: () => void): string {
  try {
    check();
    return 'in';
  } catch (thrown) {
    const { code, details } = GatewayError.from(thrown);
    return `${code} ${details.reason}${details.retryAfterMs === undefined ? '' : ` ${details.retryAfterMs}`}`;
  }
}

const LANE = new Lane(manifestOf());

/** An idle server, on which it takes 30 ms; a batch of 16 rows takes 40, and 50 now and then. */
const IDLE: Prospect = {
  now: 1000,
  deadline: 1100,
  freeAt: 1000,
  ownMs: 30,
  rowsAhead: 0,
  batchRows: 16,
  batchMs: 40,
  batchGuardMs: 50,
  workers: 1,
};

test('who can be in time is let in, who cannot is told why and when to come back', () => {
  const rows: [string, Partial<Prospect>, string][] = [
    ['an idle server', {}, 'in'],
    ['exactly in time', { deadline: 1030 }, 'in'],
    ['not even on an idle server', { deadline: 1029.9 }, 'DEADLINE_EXCEEDED too_short'],
    ['the worker is busy for as long as there is', { freeAt: 1070 }, 'in'],
    ['for a moment longer', { freeAt: 1070.5 }, 'UNAVAILABLE backlog 1'],
    ['behind less than a batch: it is in that batch', { rowsAhead: 15 }, 'in'],
    ['behind one batch', { rowsAhead: 16 }, 'in'],
    ['behind one and a half: it is in the second', { rowsAhead: 31 }, 'in'],
    [
      'behind one, and a slow one would be late',
      { rowsAhead: 16, batchGuardMs: 61 },
      'UNAVAILABLE backlog 1',
    ],
    ['behind none, a slow one may be late', { rowsAhead: 15, batchGuardMs: 161 }, 'in'],
    ['behind two', { rowsAhead: 32 }, 'UNAVAILABLE backlog 30'],
    [
      'just enough for an idle server, and this is none',
      { deadline: 1030, freeAt: 1005 },
      'UNAVAILABLE backlog 5',
    ],
    ['behind two, shared by two workers', { rowsAhead: 32, workers: 2 }, 'in'],
    ['behind four, shared by two workers', { rowsAhead: 64, workers: 2 }, 'UNAVAILABLE backlog 30'],
    ['behind one, with half a worker', { rowsAhead: 16, workers: 0.5 }, 'UNAVAILABLE backlog 30'],
    ['far behind: no longer than an estimate may say', { rowsAhead: 1e9 }, 'UNAVAILABLE backlog 30000'],
    ['too short comes before too many', { deadline: 1010, rowsAhead: 1e9 }, 'DEADLINE_EXCEEDED too_short'],
  ];
  for (const [sentence, of, wanted] of rows)
    assert.equal(
      outcome(() => checkInTime(LANE, { ...IDLE, ...of })),
      wanted,
      sentence,
    );
});

test('the refusals name the model and the figures', () => {
  assert.throws(() => checkInTime(LANE, { ...IDLE, deadline: 1020 }), {
    message:
      "deadline exceeded: a request for model 'echo' version 1 takes about 30.0 ms on an idle server, and has 20.0 ms",
  });
  assert.throws(() => checkInTime(LANE, { ...IDLE, rowsAhead: 160 }), {
    message:
      "the server is busy: a request for model 'echo' version 1 could not be answered within its 100.0 ms, 160 rows are before it",
  });
});

test('room for rows and bytes', () => {
  const room = { maxQueueRows: 10, maxQueueBytes: 1000, heldBytes: 0, workers: 1 };
  const rows: [string, number, number, Partial<typeof room>, number, string][] = [
    ['room', 1, 100, {}, 0, 'in'],
    ['exactly', 4, 400, { heldBytes: 600 }, 6, 'in'],
    ['a row too many', 5, 100, {}, 6, 'UNAVAILABLE queue_full 1'],
    ['a byte too many', 1, 401, { heldBytes: 600 }, 0, 'UNAVAILABLE byte_budget 1'],
    ['more rows than may ever wait', 11, 100, {}, 0, 'INVALID_ARGUMENT bad_request'],
    ['more bytes than may ever wait', 1, 1001, {}, 0, 'INVALID_ARGUMENT bad_request'],
  ];
  for (const [sentence, cost, bytes, of, queued, wanted] of rows) {
    const lane = new Lane(manifestOf());
    lane.queuedCost = queued;
    assert.equal(
      outcome(() => checkRoom({ cost, bytes }, lane, { ...room, ...of })),
      wanted,
      sentence,
    );
  }
});

test('the size of a level’s queue', () => {
  const lane = new Lane(manifestOf());
  const check = (level: number, size: number): string => outcome(() => checkQueueSize(lane, level, size, 1));
  assert.equal(check(1, 1), 'in');
  lane.count(1, 1);
  assert.equal(check(1, 1), 'UNAVAILABLE queue_full 1');
  assert.equal(check(1, 2), 'in');
  assert.equal(check(2, 1), 'in', 'another level');
  lane.count(1, -1);
  assert.equal(check(1, 1), 'in');
});
