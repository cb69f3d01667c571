import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Ordered, OrderedList } from '../../../gateway/batching/ordered-list.js';

function sorted(items: readonly Ordered[]): Ordered[] {
  return [...items].sort((a, b) => a.turn - b.turn || a.sequence - b.sequence);
}

/** The list beside an array that is sorted anew for each question. */
class Both {
  readonly list = new OrderedList<Ordered>();
  items: Ordered[] = [];
  #sequence = 0;

  add(turn: number, cost: number): Ordered {
    // A deadline is its turn, or there is none.
    const deadline = turn % 5 === 0 ? Number.POSITIVE_INFINITY : turn;
    const item = { turn, cost, deadline, sequence: this.#sequence++ };
    this.list.add(item);
    this.items.push(item);
    return item;
  }

  remove(pick: number): void {
    const item = this.items[pick % Math.max(1, this.items.length)];
    if (item === undefined) return;
    assert.equal(this.list.remove(item), true);
    assert.equal(this.list.remove(item), false, 'it has gone');
    this.items = this.items.filter((other) => other !== item);
  }

  check(turn: number, rows: number): void {
    const wanted = sorted(this.items);
    assert.deepEqual([...this.list], wanted);
    assert.equal(this.list.first, wanted[0]);
    assert.equal(this.list.size, wanted.length);
    assert.equal(this.list.cost, sumOf(wanted));
    assert.equal(this.list.costUpTo(turn), sumOf(wanted.filter((item) => item.turn <= turn)));
    const into: Ordered[] = [];
    this.list.read(rows, into);
    assert.deepEqual(into, wanted.slice(0, into.length));
    assert.ok(into.length <= 1 || sumOf(into) <= rows);
    const next = wanted[into.length];
    if (next !== undefined) assert.ok(into.length > 0 && sumOf(into) + next.cost > rows);
    for (const perRow of [0.1, 1, 3]) {
      const endAt = (cost: number): number => 10 + perRow * cost;
      let cost = -rows;
      const late = wanted.some((item) => {
        cost += item.cost;
        return cost > 0 && endAt(cost) > item.deadline;
      });
      assert.equal(this.list.allEndInTime(rows, endAt), !late);
    }
  }
}

function sumOf(items: readonly Ordered[]): number {
  return items.reduce((sum, { cost }) => sum + cost, 0);
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      // Few turns, so that many are equal; and in bursts, so that chunks are split.
      turn: fc.integer({ min: 0, max: 300 }),
      cost: fc.integer({ min: 1, max: 9 }),
      times: fc.constantFrom(1, 1, 3, 100),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('remove' as const),
      pick: fc.nat(),
      times: fc.constantFrom(1, 2, 90),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('check' as const),
      turn: fc.integer({ min: -1, max: 301 }),
      rows: fc.integer({ min: 0, max: 400 }),
    }),
  },
);

test('whatever is added and removed, it is a sorted array', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const both = new Both();
      for (const each of steps) {
        if (each.kind === 'check') both.check(each.turn, each.rows);
        else
          for (let i = 0; i < each.times; i++) {
            if (each.kind === 'add') both.add((each.turn + 7 * i) % 300, each.cost);
            else both.remove(each.pick + 13 * i);
          }
      }
      both.check(150, 20);
    }),
    { numRuns: 100 },
  );
});

test('what was never in it, or is in another, is not removed', () => {
  const both = new Both();
  const stranger = { turn: 5, sequence: 99, cost: 1, deadline: 5 };
  assert.equal(both.list.remove(stranger), false);
  for (const turn of [1, 5, 9]) both.add(turn, 1);
  assert.equal(both.list.remove(stranger), false);
  assert.equal(both.list.remove({ ...stranger, sequence: 1 }), false, 'one in the same place');
  both.check(5, 2);
});
