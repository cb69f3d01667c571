import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leaksBetween } from '../../faults/leaks-course.js';
import { type Measured, type Scenario, SERVICE_MS } from '../../faults/scenario.js';
import { SCENARIOS } from '../../faults/scenarios.js';
import { judge, measure } from '../../faults/verdict.js';

const scenario: Scenario = {
  name: 'one',
  what: 'dies',
  isolation: 'thread',
  course: 'load',
  strike: { by: 'orders', orders: [{ when: 'run', kind: 'throw' }] },
  times: 3,
  everyMs: 2000,
  bars: { noneFails: true, fullMs: 350, p99Services: 3 },
};
const round = { fullMs: 200, p99Ms: 12 };
const good: Measured = {
  calls: 1000,
  failed: 0,
  doubled: 0,
  wrong: 0,
  steadyP99Ms: 8,
  rounds: [round, round, round],
  notes: [],
};

test('what keeps to its bars is met, and its figures are the longest time and the middle p99', () => {
  const rounds = [round, { fullMs: 300, p99Ms: 10 }, { fullMs: 100, p99Ms: 100 }];
  const { misses, fullMs, p99Services } = judge(scenario, { ...good, rounds });
  assert.deepEqual(misses, []);
  assert.equal(fullMs, 300);
  assert.equal(p99Services, (12 - 8) / SERVICE_MS);
});

const bugs: readonly (readonly [what: string, changes: Partial<Measured>, miss: RegExp])[] = [
  ['a call fails', { failed: 1 }, /1 of 1000 calls failed/],
  ['an answer comes twice', { doubled: 1 }, /1 answers came twice/],
  ['an answer is wrong', { wrong: 1 }, /1 answers were wrong/],
  [
    'capacity comes back late once',
    { rounds: [round, { ...round, fullMs: 351 }, round] },
    /351 ms, wanted at most 350/,
  ],
  [
    'capacity does not come back',
    { rounds: [{ ...round, fullMs: undefined }, round] },
    /not full again after 1 of 2/,
  ],
  ['only overtaken faults', { rounds: [{ ...round, fullMs: undefined, overtaken: true }] }, /never full/],
  ['p99 rises', { rounds: [{ ...round, p99Ms: 8.1 + 3 * SERVICE_MS }] }, /p99 was 3.0 batch-service times/],
  ['p99 is not known', { rounds: [{ ...round, p99Ms: undefined }] }, /no p99 is known/],
  ['no fault struck', { rounds: [] }, /no fault struck/],
  ['no calls were made', { calls: 0 }, /no calls/],
  ['something leaks', { leaks: ['files went from 1 to 9'] }, /files went/],
];

for (const [what, changes, miss] of bugs)
  test(`a bar sees its bug: ${what}`, () => {
    const { misses } = judge(scenario, { ...good, ...changes });
    assert.equal(
      misses.some((text) => miss.test(text)),
      true,
      misses.join('; '),
    );
  });

test('a miss of time is measured again, up to twice; what was lost in any try stays lost', async () => {
  const slow = { ...good, rounds: [{ ...round, fullMs: 500 }] };
  const tried = async (...tries: Measured[]) => measure(scenario, async () => tries.shift() as Measured);
  const second = await tried(slow, good);
  assert.deepEqual([second.tries, second.verdict.misses, second.verdict.calls], [2, [], 2000]);
  const never = await tried(slow, slow, slow, good);
  assert.deepEqual([never.tries, never.verdict.misses.length], [3, 1]);
  const lossy = await tried({ ...slow, failed: 1 }, good);
  assert.deepEqual([lossy.tries, lossy.verdict.failed], [1, 1]);
  const later = await tried(slow, { ...good, wrong: 1 }, good);
  assert.deepEqual([later.tries, later.verdict.wrong, later.verdict.misses.length], [2, 1, 1]);
});

test('where nobody was left to answer failures are told, and doubled and wrong answers are none the better', () => {
  const lenient = { ...scenario, bars: { noneFails: false, fullMs: undefined, p99Services: undefined } };
  assert.deepEqual(
    judge(lenient, { ...good, failed: 30, rounds: [{ fullMs: undefined, p99Ms: undefined }] }).misses,
    [],
  );
  assert.equal(judge(lenient, { ...good, failed: 30, wrong: 1, doubled: 1 }).misses.length, 2);
});

test('a leak is more than noise, of whatever is held', () => {
  const held = { memory: 1e8, threads: 20, files: 30, handles: 10, processes: 2 };
  assert.deepEqual(leaksBetween(held, { ...held, memory: 1.1e8, threads: 22, files: 28 }, 200), []);
  for (const what of ['memory', 'threads', 'files', 'handles', 'processes'] as const)
    assert.match(
      leaksBetween(held, { ...held, [what]: 10 * held[what] + 10 }, 200).join(),
      new RegExp(`^${what} went from`),
    );
});

test('scenarios have names of their own, and strike', () => {
  assert.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length);
  for (const { name, times, strike } of SCENARIOS) {
    assert.match(name, /^[a-z-]+$/);
    assert.ok(times > 0 && (strike.by === 'signal' ? strike.workers : strike.orders.length) > 0, name);
  }
});
