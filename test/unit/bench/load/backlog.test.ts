import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Backlog } from '../../../../bench/load/backlog.js';

test('first in, first out, whatever the order of pushes and shifts', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 700 }), fc.integer({ min: -700, max: -1 })), {
    maxLength: 30,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const backlog = new Backlog();
      let pushed = 0;
      let shifted = 0;
      for (const step of all) {
        for (let i = 0; i < step; i++, pushed++) backlog.push(pushed / 2, pushed, pushed + 1);
        for (let i = step; i < 0 && backlog.length > 0; i++, shifted++) {
          assert.equal(backlog.firstMs, shifted / 2);
          assert.equal(backlog.firstTemplate, shifted);
          const { intendedMs, template, body } = backlog.shift();
          assert.deepEqual([intendedMs, template, body], [shifted / 2, shifted, shifted + 1]);
        }
        assert.equal(backlog.length, pushed - shifted);
      }
    }),
  );
});

test('an empty one begins never', () => {
  assert.equal(new Backlog().firstMs, Number.POSITIVE_INFINITY);
  assert.equal(new Backlog().firstTemplate, 0);
});
