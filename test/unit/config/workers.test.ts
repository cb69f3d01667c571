import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planWorkers, WorkerExcess } from '../../../gateway/config/workers.js';

type Want = 'auto' | number;

const ROWS: readonly [says: string, cores: number, count: Want, threads: Want, plan: [number, number]][] = [
  ['auto: one worker a core, one thread each', 8, 'auto', 'auto', [8, 1]],
  ['one core: one worker', 1, 'auto', 'auto', [1, 1]],
  ['two threads each: half as many workers', 8, 'auto', 2, [4, 2]],
  ['what does not divide is left idle', 8, 'auto', 3, [2, 3]],
  ['all cores for one run', 8, 'auto', 8, [1, 8]],
  ['fewer workers leave cores to others: threads stay one', 8, 2, 'auto', [2, 1]],
  ['an exact fit', 8, 4, 2, [4, 2]],
];
for (const [says, cores, count, intraOpThreads, [workers, threads]] of ROWS) {
  test(`workers: ${says}`, () => {
    const plan = planWorkers({ count, intraOpThreads }, { cores, coresSource: 'here' });
    assert.deepEqual([plan.workers, plan.intraOpThreads], [workers, threads]);
    assert.ok(plan.why.includes('(here)') && plan.why.includes(`${workers} worker`), plan.why);
  });
}

const EXCESS: readonly [cores: number, count: Want, threads: Want, message: RegExp][] = [
  [2, 3, 'auto', /3 workers x 1 thread exceed the 2 cores available \(a quota\)/],
  [2, 'auto', 4, /4 intra-op threads exceed the 2 cores available \(a quota\)/],
  [4, 2, 3, /2 workers x 3 threads exceed the 4 cores/],
  [1, 2, 1, /2 workers x 1 thread exceed the 1 core available/],
];
for (const [cores, count, intraOpThreads, message] of EXCESS) {
  test(`workers: ${count} x ${intraOpThreads} on ${cores} is refused with both numbers and the limit's source`, () => {
    assert.throws(
      () => planWorkers({ count, intraOpThreads }, { cores, coresSource: 'a quota' }),
      (error: unknown) => error instanceof WorkerExcess && message.test(error.message),
    );
  });
}

test('workers: the waiting runtime lifts the limit, and the plan says so', () => {
  const want = { count: 8, intraOpThreads: 1, enableWaitingRuntime: true };
  const { workers, why } = planWorkers(want, { cores: 2, coresSource: 'here' });
  assert.equal(workers, 8);
  assert.match(why, /8 workers x 1 thread, as --enable-waiting-runtime allows, beyond the 2 cores \(here\)/);
  assert.equal(planWorkers({ ...want, count: 'auto' }, { cores: 2, coresSource: 'here' }).workers, 2);
});
