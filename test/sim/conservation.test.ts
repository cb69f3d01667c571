import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { BatcherOptions } from '../../gateway/batching/batcher-options.js';
import { Cancellation } from '../../gateway/core/cancellation.js';
import { poisson } from '../support/sim/arrivals.js';
import { begin } from '../support/sim/load.js';
import { runMs, type SimModel, scheduled, simModel } from '../support/sim/models.js';
import { FULL, scheduler } from '../support/sim/modes.js';
import { isPoisoned, Witness } from '../support/sim/witness.js';
import { World } from '../support/sim/world.js';

const PLAIN = simModel('plain', { fixedMs: 20, perRowMs: 2 }, 6);
const SHORT = simModel('short', { fixedMs: 1, perRowMs: 0.25 }, 16);
const LIMITED = simModel('limited', { fixedMs: 10, perRowMs: 1 }, 4, {
  configuration: { inputs: [], outputs: [], parameters: {}, runtime: {}, instanceCount: 1 },
});
const ORDERED = simModel('ordered', { fixedMs: 5, perRowMs: 1 }, 4, scheduled({ preserveOrdering: true }));
const LEVELS = simModel(
  'levels',
  { fixedMs: 5, perRowMs: 1 },
  8,
  scheduled({
    preferredBatchSizes: [4],
    maxQueueDelayMs: 8,
    priorityLevels: 3,
    defaultPriorityLevel: 2,
    queuePolicies: {
      3: { timeoutAction: 'delay', allowTimeoutOverride: false, defaultTimeoutMs: 10, maxQueueSize: 6 },
    },
  }),
);
const MODELS = [PLAIN, SHORT, LIMITED, ORDERED, LEVELS];

const arrival = fc.record({
  // Many at once, and pauses in which everything runs dry.
  gapMs: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 10 }) },
    { weight: 1, arbitrary: fc.integer({ min: 11, max: 300 }) },
  ),
  model: fc.constantFrom(PLAIN, PLAIN, SHORT, LIMITED, ORDERED, LEVELS),
  caller: fc.constantFrom('', '', 'A', 'B'),
  priority: fc.constantFrom(0n, 1n, 2n, 3n),
  rows: fc.constantFrom(1, 1, 1, 2, 3, 4),
  deadlineMs: fc.option(fc.integer({ min: 1, max: 200 }), { nil: undefined }),
  poisoned: fc.integer({ min: 0, max: 14 }).map((n) => n === 14),
  leavesMs: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined, freq: 5 }),
});

const scenario = fc.record({
  seed: fc.nat(),
  workers: fc.integer({ min: 1, max: 3 }),
  noise: fc.constantFrom(0, 0, 0.3),
  switches: fc.record({ batchChoice: fc.boolean(), earlyDrop: fc.boolean(), admission: fc.boolean() }),
  order: fc.constantFrom('deadline', 'deadline', 'arrival'),
  /** Which runs kill their worker, by their order. */
  dies: fc.uniqueArray(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }),
  arrivals: fc.array(arrival, { minLength: 1, maxLength: 60, size: 'max' }),
});

type Scenario = typeof scenario extends fc.Arbitrary<infer T> ? T : never;

async function play({ seed, workers, noise, switches, order, dies, arrivals }: Scenario): Promise<void> {
  let runs = 0;
  const options: object = { scheduler: { order, ...switches } };
  const world = await new World({
    models: MODELS,
    workers,
    seed,
    weather: { noise, refuses: isPoisoned, dies: () => dies.includes(++runs) },
    batcher: options as Partial<BatcherOptions>,
  }).start();
  const reasons = new Set([
    // Of the levels.
    'queue_full',
    ...(switches.earlyDrop ? ['early_drop'] : []),
    ...(switches.admission ? ['backlog', 'too_short'] : []),
  ]);
  const witness = new Witness(world, { reasons, faults: dies.length > 0 });
  for (const { gapMs, ...watched } of arrivals) {
    if (gapMs > 0) await world.clock.run(gapMs);
    witness.submit(watched);
  }
  await world.windUp();
  witness.atTheEnd();
}

test('nothing is lost, settled twice, run too late or answered to another, whatever comes, leaves and breaks', async () => {
  await fc.assert(fc.asyncProperty(scenario, play), {
    numRuns: FULL ? 3000 : 300,
    includeErrorInReport: true,
  });
});

test('no worker is idle while something waits that it may run', async () => {
  const models = [PLAIN, SHORT];
  const world = await new World({ models, batcher: scheduler('no admission') }).start();
  let instants = 0;
  world.clock.onInstant = () => {
    instants++;
    const { queuedRows } = world.batcher.stats();
    if (queuedRows > 0)
      assert.ok(
        world.pool.status().every((slot) => slot.outstanding > 0),
        `${queuedRows} rows wait at ${world.clock.elapsedMs} ms while a worker is idle`,
      );
  };
  for (const model of models) {
    const arrivals = poisson(world.random, 150);
    begin(world, { model, arrivals, deadlineMs: () => 300, lastsMs: 20_000 });
  }
  await world.clock.run(20_000);
  await world.windUp();
  assert.ok(instants > 5000);
});

/** What can be done is done: a refusal is for what cannot. */
for (const mode of ['all on', 'no admission'] as const) {
  test(`a request that comes alone and has twice the time of its run is answered: ${mode}`, async () => {
    const world = await new World({ models: MODELS, batcher: scheduler(mode) }).start();
    const alone = async (model: SimModel, rows: number): Promise<void> => {
      let code = 'nothing';
      world.submit({
        model,
        rows,
        deadlineMs: 2 * runMs(model, rows) + 1,
        onEnd: (_, error) => {
          code = error === undefined ? 'OK' : error.message;
        },
      });
      await world.clock.run(1000);
      assert.equal(code, 'OK', `${rows} rows for ${model.manifest.model}`);
    };
    for (let round = 0; round < 30; round++)
      for (const model of [PLAIN, SHORT, LIMITED, ORDERED])
        for (const rows of [1, 2, 4]) await alone(model, rows);
  });
}

test('bounds are as wide after a while as in the beginning', async () => {
  const world = await new World({
    models: [PLAIN],
    batcher: { ...scheduler('no admission'), maxQueueRows: 12 },
  }).start();
  for (let round = 0; round < 50; round++) {
    let answered = 0;
    for (let i = 0; i < 12; i++) {
      world.submit({
        model: PLAIN,
        onEnd: (result) => {
          if (result !== undefined) answered++;
        },
      });
    }
    await world.clock.run(1000);
    assert.equal(answered, 12, `round ${round}`);
  }
});

test('who has left the queue does not make a batch full', async () => {
  const model = simModel('held', { fixedMs: 5, perRowMs: 1 }, 8, scheduled({ maxQueueDelayMs: 50 }));
  const world = await new World({ models: [model] }).start();
  const began: number[] = [];
  world.workers.onRun = () => began.push(world.clock.elapsedMs);
  const leaving = Array.from({ length: 6 }, () => new Cancellation());
  world.submit({ model });
  for (const cancellation of leaving) world.submit({ model, cancellation });
  await world.clock.run(10);
  for (const cancellation of leaving) cancellation.cancel();
  await world.clock.run(10);
  world.submit({ model });
  await world.windUp();
  assert.deepEqual(began, [50], 'two that wait are let wait for others');
});

test("a request's own timeout, in microseconds, ends its waiting", async () => {
  const world = await new World({ models: [PLAIN], batcher: scheduler('no admission') }).start();
  let endedAt = Number.NaN;
  world.batcher.hold();
  world.submit({
    model: PLAIN,
    timeoutUs: 60_000n,
    onEnd: () => {
      endedAt = world.clock.elapsedMs;
    },
  });
  await world.windUp();
  assert.ok(endedAt >= 60 && endedAt <= 70, `ended after ${endedAt} ms`);
});
