import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '../../../gateway/core/turns.js';

test('one after the other, in order, and one that fails holds up none', async () => {
  const turns = new Turns();
  const trace: string[] = [];
  const work = (name: string, fails = false) =>
    turns.take(async () => {
      trace.push(`${name} begins`);
      await Promise.resolve();
      trace.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    });
  const all = await Promise.allSettled([work('a'), work('b', true), work('c')]);
  assert.deepEqual(
    all.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(trace, ['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});
