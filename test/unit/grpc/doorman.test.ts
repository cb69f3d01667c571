import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Doorman, type DoorWindow, nextShare } from '../../../gateway/grpc/doorman.js';
import { FakeClock } from '../../support/fake-clock.js';

const busy = { begun: 1000, turnedAway: 0, refused: 0, utilisation: 1 };

const CASES: readonly [says: string, share: number, window: DoorWindow, wanted: number][] = [
  ['nobody is turned away while all are taken, however busy', 0, busy, 0],
  ['nor while few are refused', 0, { ...busy, refused: 240 }, 0],
  ['1.3 times what was taken is let in', 0, { ...busy, refused: 500 }, 0.35],
  ['also when most were turned away before', 0.6, { ...busy, turnedAway: 600, refused: 100 }, 0.61],
  ['room that grows is noticed: all that were let in were taken', 0.6, { ...busy, turnedAway: 600 }, 0.48],
  ['some are always let in', 0, { ...busy, refused: 1000 }, 0.95],
  [
    'more refusals than calls, of those that came before, are no more than all',
    0,
    { ...busy, refused: 2000 },
    0.95,
  ],
  ['nobody is turned away while there is time to read', 0, { ...busy, refused: 900, utilisation: 0.9 }, 0],
  [
    'time that is there only because many were',
    0.5,
    { ...busy, turnedAway: 500, refused: 400, utilisation: 0.6 },
    0.87,
  ],
  [
    'time that would be there for all',
    0.5,
    { ...busy, turnedAway: 500, refused: 400, utilisation: 0.5 },
    0.25,
  ],
  ['refusals that are few', 0.2, { ...busy, turnedAway: 200, refused: 40 }, 0.1],
  ['what is left in the end is nothing', 0.03, { ...busy, turnedAway: 30 }, 0],
  ['few calls say nothing', 0, { begun: 9, turnedAway: 0, refused: 9, utilisation: 1 }, 0],
  ['no call at all', 0.95, { begun: 0, turnedAway: 0, refused: 0, utilisation: 1 }, 0.475],
];

for (const [says, share, window, wanted] of CASES) {
  test(`the doorman: ${says}`, () => {
    assert.ok(Math.abs(nextShare(share, window) - wanted) < 1e-9, `${nextShare(share, window)}`);
  });
}

/** A server in windows: the main thread can spend 100 ms of each, workers can do `room` calls of each. */
function simulate(windows: number, offered: (window: number) => number, room: number) {
  const clock = new FakeClock();
  let [used, usedBefore] = [0, 0];
  const doorman = new Doorman({ clock, utilisation: () => Math.min(1, usedBefore / 100) });
  const seen: { letIn: number; taken: number }[] = [];
  for (let window = 0; window < windows; window++) {
    let [letIn, taken] = [0, 0];
    used = 0;
    for (let i = 0; i < offered(window) && used < 100; i++) {
      if (doorman.turnsAway()) {
        used += 0.007;
        continue;
      }
      letIn++;
      used += 0.05;
      if (taken < room) taken++;
      else doorman.failed('backlog');
    }
    seen.push({ letIn, taken });
    clock.advance(100);
    usedBefore = used;
  }
  return seen;
}

test('under a steady overload it lets in a little more than what is taken, and all of that is taken', () => {
  const seen = simulate(40, () => 6000, 400).slice(10);
  for (const { letIn, taken } of seen) {
    assert.equal(taken, 400);
    assert.ok(letIn > 500 && letIn < 540, `${letIn} let in`);
  }
});

test('when the overload is over, or the room grows, all are let in within a second', () => {
  const after = simulate(30, (window) => (window < 20 ? 6000 : 300), 400).slice(20);
  assert.ok((after[0]?.letIn ?? 0) < 100, 'at first not: nobody knows yet');
  for (const { letIn } of after.slice(7)) assert.equal(letIn, 300);
});

test('a server that keeps up turns nobody away', () => {
  for (const { letIn } of simulate(20, () => 1990, 2000)) assert.equal(letIn, 1990);
});

test('other failures are not for want of room', () => {
  const clock = new FakeClock();
  const doorman = new Doorman({ clock, utilisation: () => 1 });
  for (const reason of ['bad_request', 'quota', 'model_error', undefined] as const)
    for (let i = 0; i < 50; i++) {
      assert.equal(doorman.turnsAway(), false);
      doorman.failed(reason);
    }
  clock.advance(100);
  assert.equal(doorman.turnsAway(), false);
  for (let i = 0; i < 100; i++) doorman.turnsAway();
  clock.advance(100);
  for (let i = 0; i < 100; i++) assert.equal(doorman.turnsAway(), false);
});

test('clients that take turns are all let in now and then', () => {
  const clock = new FakeClock();
  const doorman = new Doorman({ clock, utilisation: () => 1 });
  // The largest share lets in one of twenty: without an end always the same one.
  for (const [clients, rooms] of [
    [2, 23],
    [3, 23],
    [4, 23],
    [20, 0],
  ] as const) {
    const letIn = new Array<number>(clients).fill(0);
    for (let window = 0; window < 100; window++) {
      let room = rooms;
      for (let i = 0; i < 60; i++) {
        if (doorman.turnsAway()) continue;
        letIn[i % clients] = (letIn[i % clients] as number) + 1;
        if (--room < 0) doorman.failed('queue_full');
      }
      clock.advance(100);
    }
    const mean = letIn.reduce((sum, n) => sum + n, 0) / clients;
    assert.ok(Math.min(...letIn) > 0.6 * mean, `of ${clients}: ${letIn}`);
  }
});
