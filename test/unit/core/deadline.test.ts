import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeadlineWheel } from '../../../gateway/core/deadline.js';
import { FakeClock } from '../../support/fake-clock.js';

test('an expiry is seen after its deadline and at most one tick late', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  for (const delayMs of [0, 1, 4.9, 5, 7, 123.4, 5000]) {
    const deadline = clock.now() + delayMs;
    let seenAt = Number.NaN;
    wheel.add(deadline, () => {
      seenAt = clock.now();
    });
    for (let i = 0; Number.isNaN(seenAt) && i < 6000; i++) clock.advance(1);
    assert.ok(
      seenAt >= deadline && seenAt <= deadline + 10,
      `delay ${delayMs}: ${seenAt - deadline} ms late`,
    );
  }
  assert.equal(clock.pendingTimers, 0);
});

test('what was removed does not expire, and an empty wheel holds no timer', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const handle = wheel.add(clock.now() + 20, () => assert.fail('removed'));
  assert.equal(clock.pendingTimers, 1);
  wheel.remove(handle);
  clock.advance(1000);
  assert.equal(clock.pendingTimers, 0);
  assert.equal(
    wheel.add(Number.POSITIVE_INFINITY, () => {}),
    undefined,
  );
});

test('a blocked loop fires everything due once, and nothing else', () => {
  const clock = new FakeClock();
  const wheel = new DeadlineWheel(clock);
  const fired: number[] = [];
  for (let i = 0; i < 100; i++) wheel.add(clock.now() + i * 50, () => fired.push(i));
  clock.advance(2001);
  assert.deepEqual(fired, Array.from({ length: 41 }, (_, i) => i).slice(0, fired.length));
  assert.ok(fired.length >= 40);
  clock.advance(10_000);
  assert.equal(fired.length, 100);
});
