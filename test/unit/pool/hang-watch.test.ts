import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  DEFAULT_HANG_LIMITS,
  HangWatch,
  hangLimitMs,
  type Watched,
} from '../../../gateway/pool/hang-watch.js';
import { FakeClock } from '../../support/fake-clock.js';

class FakeSlot implements Watched {
  occupation: Watched['occupation'];
  expectedMs: number | undefined = 10;
  running = true;
  asked = { id: -1, startedAt: 0 };
  busy = false;
  readonly reasons: string[] = [];

  abandon(reason: string): void {
    this.reasons.push(reason);
    this.occupation = undefined;
    this.busy = false;
  }
}

function setUp() {
  const clock = new FakeClock();
  const slot = new FakeSlot();
  const watch = new HangWatch(clock, () => [slot]);
  const begin = (id: number): void => {
    slot.busy = true;
    slot.occupation = { id, startedAt: clock.now() };
    watch.notice();
  };
  return { clock, slot, watch, begin };
}

test('hangLimitMs: the learned time by a factor, with a floor; much more where nothing is known, and for loads', () => {
  const rows: readonly [boolean, number | undefined, number][] = [
    [true, 10, 1000],
    [true, 300, 1500],
    [true, undefined, 120_000],
    [false, 10, 120_000],
  ];
  for (const [running, expectedMs, limitMs] of rows)
    assert.equal(hangLimitMs({ running, expectedMs }, DEFAULT_HANG_LIMITS), limitMs);
});

test('D64 a run over its limit is given up after a second look, with both figures; an idle pool is not looked at', () => {
  const { clock, slot, begin } = setUp();
  begin(1);
  clock.advance(1000);
  assert.deepEqual(slot.reasons, []);
  clock.advance(300);
  assert.equal(slot.reasons.length, 1);
  assert.match(
    String(slot.reasons[0]),
    /a run has taken 1[12]00 ms, at most 1000 are allowed \(10.0 ms were predicted\)/,
  );
  clock.advance(1000);
  assert.equal(slot.reasons.length, 1);
  assert.equal(clock.pendingTimers, 0);
});

test('D72 runs that follow each other are not one long run, and an answer that comes between the looks saves its worker', () => {
  const { clock, slot, begin } = setUp();
  for (let id = 1; id < 30; id++) {
    begin(id);
    clock.advance(900);
  }
  assert.deepEqual(slot.reasons, []);
  begin(30);
  // This thread stands still: nobody looks, and the worker's answers wait to be read.
  clock.advance(999);
  clock.advance(101);
  slot.occupation = { id: 31, startedAt: clock.now() };
  clock.advance(900);
  assert.deepEqual(slot.reasons, []);
});

test('D64 a worker that was stopped before it began counts from when it was asked', () => {
  const { clock, slot, watch } = setUp();
  slot.busy = true;
  slot.asked = { id: -2, startedAt: clock.now() };
  watch.notice();
  clock.advance(1000);
  assert.deepEqual(slot.reasons, []);
  slot.asked = { id: -3, startedAt: clock.now() };
  clock.advance(900);
  assert.deepEqual(slot.reasons, [], 'it has answered meanwhile, and was asked for something else');
  clock.advance(400);
  assert.equal(slot.reasons.length, 1);
});

test('a watch that was stopped looks no more', () => {
  const { clock, slot, watch, begin } = setUp();
  begin(1);
  watch.stop();
  clock.advance(10_000);
  assert.deepEqual(slot.reasons, []);
});
