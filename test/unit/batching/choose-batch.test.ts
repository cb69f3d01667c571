import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Candidate } from '../../../gateway/batching/batch-policy.js';
import { type Circumstances, chooseBatch, type Forecast } from '../../../gateway/batching/choose-batch.js';

const NEVER = Number.POSITIVE_INFINITY;

/** l(b) = 10 + b, and answered within one and a half of it. */
const forecast: Forecast = { estimateMs: (rows) => 10 + rows, guardMs: (rows) => 1.5 * (10 + rows) };

const BASE: Circumstances = {
  forecast,
  startsAt: 1000,
  target: 8,
  maxCost: 8,
  more: false,
  earlyDrop: true,
  othersInTime: () => true,
};

/** Candidates by rows, and by the milliseconds that they have from the start of the batch; or by rows alone. */
const of = (...candidates: (number | [number, number])[]): Candidate[] =>
  candidates.map((candidate) => {
    const [cost, leftMs] = typeof candidate === 'number' ? [candidate, NEVER] : candidate;
    return { cost, deadline: BASE.startsAt + leftMs };
  });

const ROWS: [string, Candidate[], Partial<Circumstances>, string][] = [
  ['all that is there', of(1, 2, 3), {}, 'run 3 idle'],
  ['exactly a full one', of(4, 4), {}, 'run 2 full'],
  ['as many as fit', of(4, 3, 2), {}, 'run 2 full'],
  ['a large one alone', of(8, 1), {}, 'run 1 full'],
  ['one beyond the target alone', of(6, 1), { target: 4 }, 'run 1 knee'],
  ['up to the target', of(2, 2, 2), { target: 4 }, 'run 2 knee'],
  ['all candidates, but more waits', of(2, 2), { target: 4, more: true }, 'run 2 knee'],
  ['all candidates, more waits, at the largest size', of(4, 4), { more: true }, 'run 2 full'],
  // A batch of 4 is answered within 21 ms, of 3 within 19.5; it takes 14 and 13 as a rule.
  ['the tightest has just enough time', of([1, 21], 1, 2), {}, 'run 3 idle'],
  ['a smaller batch saves it', of([1, 20.9], 1, 1, 1), {}, 'run 3 deadline'],
  ['the tightest is moved to the front', of(1, 1, [1, 18], 1), {}, 'run 2 from 2 deadline'],
  ['rows of the others are left out in order', of([1, 20], 3, 1), {}, 'run 1 deadline'],
  ['where nobody could be safe, the likely is tried', of([1, 13.5], 1, 1, 1), {}, 'run 3 deadline'],
  ['one that cannot be in time at all shrinks nothing', of([1, 10.9], 1, 1, 1), {}, 'run 4 idle'],
  [
    'others would be late of a smaller one: the tightest is given up',
    of(1, [1, 20.9], 1, 1),
    { othersInTime: () => false },
    'drop 1',
  ],
  [
    'but not where nobody is dropped',
    of(1, [1, 20.9], 1, 1),
    { othersInTime: () => false, earlyDrop: false },
    'run 3 from 1 deadline',
  ],
  [
    'one beyond the target is not asked for its deadline',
    of(4, 4, [1, 1]),
    { target: 8, more: true },
    'run 2 full',
  ],
  [
    'nothing known: no deadline matters',
    of([1, 0.1], 1),
    { forecast: { estimateMs: () => 0, guardMs: () => 0 } },
    'run 2 idle',
  ],
];

function say(candidates: readonly Candidate[], at: Partial<Circumstances>): string {
  const choice = chooseBatch(candidates, { ...BASE, ...at });
  if (choice.kind === 'drop') return `drop ${choice.index}`;
  const { count, first, why } = choice;
  // Who is moved to the front is only told where it was behind.
  return `run ${count}${first > 0 && why === 'deadline' ? ` from ${first}` : ''} ${why}`;
}

test('which of those that wait are the next batch', () => {
  for (const [sentence, candidates, at, wanted] of ROWS) assert.equal(say(candidates, at), wanted, sentence);
});

test('others are asked about the rows of the smaller batch', () => {
  const asked: number[] = [];
  chooseBatch(of([2, 20.9], 1, 1), { ...BASE, othersInTime: (rows) => asked.push(rows) > 0 });
  assert.deepEqual(asked, [3]);
});

test('of any candidates: one batch that fits, in order but for one; who is dropped had a batch that would have saved it', () => {
  const candidate = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 60 }));
  fc.assert(
    fc.property(
      fc.array(candidate, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 8 }),
      fc.boolean(),
      fc.boolean(),
      (pairs, target, earlyDrop, inTime) => {
        const candidates = of(...pairs);
        const choice = chooseBatch(candidates, { ...BASE, target, earlyDrop, othersInTime: () => inTime });
        const leftMs = (index: number): number => (candidates[index] as Candidate).deadline - BASE.startsAt;
        if (choice.kind === 'drop') {
          assert.ok(earlyDrop && !inTime);
          const { cost } = candidates[choice.index] as Candidate;
          return assert.ok(forecast.estimateMs(cost) <= leftMs(choice.index));
        }
        const { count, first, why } = choice;
        assert.ok(count >= 1 && count <= candidates.length && first < candidates.length);
        const members =
          first < count
            ? candidates.slice(0, count)
            : [candidates[first] as Candidate, ...candidates.slice(0, count - 1)];
        const rows = members.reduce((sum, { cost }) => sum + cost, 0);
        assert.ok(count === 1 || rows <= target, `${rows} rows`);
        if (why === 'deadline') assert.ok(forecast.estimateMs(rows) <= leftMs(first));
      },
    ),
    { numRuns: 2000 },
  );
});
