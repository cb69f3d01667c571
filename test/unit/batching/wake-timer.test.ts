import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WakeTimer } from '../../../gateway/batching/wake-timer.js';
import { FakeClock } from '../../support/fake-clock.js';

function started() {
  const clock = new FakeClock(0);
  const woken: number[] = [];
  const timer = new WakeTimer(clock, () => woken.push(clock.now()));
  return { clock, woken, timer };
}

test('it wakes once, at the earliest instant asked for', () => {
  const { clock, woken, timer } = started();
  for (const instant of [50, 30, 40, 30]) timer.at(instant);
  assert.equal(clock.pendingTimers, 1);
  clock.advance(29);
  assert.deepEqual(woken, []);
  clock.advance(100);
  assert.deepEqual(woken, [30], 'who still wants a later one asks again');
  assert.equal(clock.pendingTimers, 0);
});

test('after that it can be asked again, also while it wakes', () => {
  const clock = new FakeClock(0);
  const woken: number[] = [];
  const timer = new WakeTimer(clock, () => {
    woken.push(clock.now());
    if (woken.length < 3) timer.at(clock.now() + 10);
  });
  timer.at(10);
  clock.advance(100);
  assert.deepEqual(woken, [10, 20, 30]);
});

test('an instant that has passed is now', () => {
  const { clock, woken, timer } = started();
  clock.advance(100);
  timer.at(50);
  assert.deepEqual(woken, [], 'not in the call');
  clock.advance(0);
  assert.deepEqual(woken, [100]);
});

test('stopped it does not wake, and holds no timer; it can be used again', () => {
  const { clock, woken, timer } = started();
  timer.at(10);
  timer.stop();
  assert.equal(clock.pendingTimers, 0);
  clock.advance(20);
  assert.deepEqual(woken, []);
  timer.at(40);
  clock.advance(20);
  assert.deepEqual(woken, [40]);
  timer.stop();
});
