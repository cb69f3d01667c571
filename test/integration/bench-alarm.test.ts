/** The alarm that open loops are paced by: a real thread, a real clock. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Alarm } from '../../bench/load/alarm.js';

test('goes off once, after its time, and not for what was cancelled or set anew', async (t) => {
  const alarm = await Alarm.start();
  t.after(() => alarm.close());
  const late: number[] = [];
  for (const ms of [0, 0.3, 5, 1.7, 20]) {
    const setMs = alarm.now();
    await new Promise<void>((resolve) => alarm.after(ms, resolve));
    late.push(alarm.now() - setMs - ms);
  }
  assert.ok(
    late.every((ms) => ms >= 0 && ms < 500),
    `late by ${late}`,
  );
  const went: string[] = [];
  alarm.after(2, () => went.push('cancelled'))();
  alarm.after(2, () => went.push('replaced'));
  await new Promise<void>((resolve) =>
    alarm.after(4, () => {
      went.push('last');
      resolve();
    }),
  );
  await new Promise<void>((resolve) => alarm.after(10, resolve));
  assert.deepEqual(went, ['last']);
});

test('keeps a hundred instants in a row, and is silent after it was closed', async () => {
  const alarm = await Alarm.start();
  for (let i = 0; i < 100; i++) await new Promise<void>((resolve) => alarm.after(0.2, resolve));
  let went = false;
  alarm.after(5, () => {
    went = true;
  });
  await alarm.close();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(went, false);
});
