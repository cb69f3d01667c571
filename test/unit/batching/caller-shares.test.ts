import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallerShares } from '../../../gateway/batching/caller-shares.js';

/** Rows that each caller gets of `rounds` runs of one row, when all always wait and who has had least is next. */
function compete(shares: CallerShares, callers: readonly string[], rounds: number): Record<string, number> {
  const got: Record<string, number> = Object.fromEntries(callers.map((caller) => [caller, 0]));
  for (const caller of callers) shares.enter(caller);
  for (let i = 0; i < rounds; i++) {
    const next = callers.reduce((a, b) => (shares.usedBy(b) < shares.usedBy(a) ? b : a));
    shares.charge(next, 1);
    got[next] = (got[next] ?? 0) + 1;
  }
  for (const caller of callers) shares.leave(caller);
  return got;
}

const equal = (): number => 1;

test('callers have equal parts, or parts by their shares', () => {
  assert.deepEqual(compete(new CallerShares(equal), ['a', 'b', 'c'], 300), { a: 100, b: 100, c: 100 });
  const byName = new CallerShares((caller) => (caller === 'a' ? 3 : 1));
  assert.deepEqual(compete(byName, ['a', 'b'], 400), { a: 300, b: 100 });
});

test('a share of nothing is next to nothing, and divides by nothing', () => {
  const shares = new CallerShares((caller) => (caller === 'a' ? 0 : 1));
  assert.deepEqual(compete(shares, ['a', 'b'], 100), { a: 1, b: 99 });
  assert.equal(shares.priceOf('a', 2), 2000);
});

test('who was alone owes nothing for it, who was away has saved nothing', () => {
  const shares = new CallerShares(equal);
  assert.deepEqual(compete(shares, ['a'], 1000), { a: 1000 });
  const { a, b } = compete(shares, ['a', 'b'], 100) as { a: number; b: number };
  assert.ok(Math.abs(a - b) <= 2, `the newcomer does not make up for a thousand rows: ${a}, ${b}`);
  assert.deepEqual(compete(shares, ['a'], 1000), { a: 1000 });
  const again = compete(shares, ['a', 'b'], 100) as { a: number; b: number };
  assert.ok(Math.abs(again.a - again.b) <= 2, `nor does the one that comes back: ${again.a}, ${again.b}`);
});

test('a debt outlasts a short absence', () => {
  const shares = new CallerShares(equal);
  shares.enter('a');
  shares.enter('b');
  shares.charge('a', 50);
  shares.leave('a');
  shares.enter('a');
  assert.equal(shares.usedBy('a') - shares.usedBy('b'), 50);
});

test('who has never been is where the others are; who is unknown is charged nothing', () => {
  const shares = new CallerShares(equal);
  shares.charge('nobody', 10);
  shares.leave('nobody');
  shares.enter('a');
  shares.charge('a', 10);
  shares.charge('a', 10);
  assert.equal(shares.usedBy('nobody'), 10, 'where a was when it was last run');
});

test('how many callers wait; idle ones are forgotten when there are many', () => {
  const shares = new CallerShares(equal);
  shares.enter('waits');
  shares.charge('waits', 5);
  for (let i = 0; i < 5000; i++) {
    shares.enter(`caller ${i}`);
    shares.charge(`caller ${i}`, 7);
    shares.leave(`caller ${i}`);
  }
  assert.equal(shares.active, 1);
  assert.equal(shares.usedBy('waits'), 5, 'who waits is not forgotten');
  assert.equal(shares.usedBy('caller 0'), shares.usedBy('somebody new'), 'who does not wait may be');
});
