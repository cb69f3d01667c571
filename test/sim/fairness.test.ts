import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poisson } from '../support/sim/arrivals.js';
import { begin, type Load } from '../support/sim/load.js';
import { capacity, runMs, type SimModel, scheduled, simModel } from '../support/sim/models.js';
import { FULL, scheduler } from '../support/sim/modes.js';
import { table } from '../support/sim/table.js';
import type { Tally } from '../support/sim/tally.js';
import { World } from '../support/sim/world.js';

const WARM_UP_MS = 2000;
const LASTS_MS = FULL ? 60_000 : 8000;

/** What one source of requests does. */
interface Source extends Omit<Load, 'arrivals' | 'lastsMs' | 'deadlineMs'> {
  readonly tag: string;
  readonly perSecond: number;
  readonly deadlineMs: number;
}

/** Runs some sources together, everything switched on; how each fared. */
async function together(models: readonly SimModel[], sources: readonly Source[]): Promise<World> {
  const world = await new World({ models, batcher: scheduler('all on') }).start();
  world.countFromMs = WARM_UP_MS;
  world.countUntilMs = WARM_UP_MS + LASTS_MS;
  for (const { perSecond, deadlineMs, ...load } of sources) {
    begin(world, {
      ...load,
      arrivals: poisson(world.random, perSecond),
      deadlineMs: () => deadlineMs,
      lastsMs: WARM_UP_MS + LASTS_MS + 1000,
    });
  }
  await world.clock.run(WARM_UP_MS + LASTS_MS + 1000);
  await world.windUp();
  return world;
}

function line(name: string, tally: Tally): (string | number)[] {
  return [name, tally.offered.toFixed(0), tally.offeredAnswered / tally.offered, tally.quantile(0.99)];
}

const HEAD = ['source', 'offered', 'answered', 'p99 ms'];

const MODEL = simModel('waiting', { fixedMs: 20, perRowMs: 2 });
const CAPACITY = capacity(MODEL, 2);
const DEADLINE_MS = 5 * runMs(MODEL, 16);

test('a caller that asks for four times its share costs another, at half of its own, nothing', async () => {
  const share = CAPACITY / 2;
  const a = { model: MODEL, tag: 'A', caller: 'A', perSecond: 4 * share, deadlineMs: DEADLINE_MS };
  const b = { model: MODEL, tag: 'B', caller: 'B', perSecond: 0.5 * share, deadlineMs: DEADLINE_MS };
  const alone = (await together([MODEL], [b])).tally('B');
  const both = await together([MODEL], [a, b]);
  const beside = both.tally('B');
  console.log(table(HEAD, [line('B alone', alone), line('B beside A', beside), line('A', both.tally('A'))]));
  const kept = beside.offeredAnswered / beside.offered / (alone.offeredAnswered / alone.offered);
  assert.ok(kept >= 0.98, `B keeps ${kept.toFixed(3)} of its goodput`);
  const ratio = beside.quantile(0.99) / alone.quantile(0.99);
  assert.ok(ratio <= 2, `B's p99 is ${ratio.toFixed(2)} times what it is alone`);
  const all = (beside.answered + both.tally('A').answered) / ((CAPACITY * LASTS_MS) / 1000);
  assert.ok(all >= 0.95, `fairness costs goodput: ${all.toFixed(3)} of capacity is left`);
});

test('callers share a model that runs one request at a time, too', async () => {
  const single = simModel('single', { fixedMs: 8, perRowMs: 2 }, 1);
  const share = capacity(single, 2) / 2;
  const world = await together(
    [single],
    [
      { model: single, tag: 'A', caller: 'A', perSecond: 4 * share, deadlineMs: 100 },
      { model: single, tag: 'B', caller: 'B', perSecond: 0.5 * share, deadlineMs: 100 },
    ],
  );
  const [a, b] = [world.tally('A'), world.tally('B')];
  console.log(table(HEAD, [line('A', a), line('B', b)]));
  assert.ok(b.offeredAnswered / b.offered >= 0.98, `B gets ${(b.offeredAnswered / b.offered).toFixed(3)}`);
  // A queue of its own with half of the machine, half used, has a p99 of about 45 ms; a run of A's may be ahead on each worker.
  assert.ok(b.quantile(0.99) < 65, 'and does not wait as A does');
});

test('models that each ask for more than there is share the workers by compute time', async () => {
  const quick = simModel('quick', { fixedMs: 5, perRowMs: 0.5 });
  const heavy = simModel('heavy', { fixedMs: 40, perRowMs: 4 });
  const world = await together(
    [quick, heavy],
    [quick, heavy].map((model) => ({
      model,
      tag: model.manifest.model,
      perSecond: 2 * capacity(model, 2),
      deadlineMs: 5 * runMs(heavy, 16),
    })),
  );
  const total = [...world.computeMs.values()].reduce((sum, ms) => sum + ms, 0);
  const shares = [...world.computeMs].map(([key, ms]) => [key, ms / total] as const);
  console.log(table(['model', 'of compute time'], shares));
  assert.equal(shares.length, 2);
  for (const [key, share] of shares)
    assert.ok(share >= 0.4, `${key} has ${share.toFixed(3)} of the compute time`);
});

test('a model whose every run is long does not hold up the others', async () => {
  const slow = simModel('slow', { fixedMs: 190, perRowMs: 10 });
  const fast = simModel('fast', { fixedMs: 2, perRowMs: 0.5 });
  const ofFast = { model: fast, tag: 'fast', perSecond: 0.3 * capacity(fast, 2), deadlineMs: 100 };
  const ofSlow = {
    model: slow,
    tag: 'slow',
    perSecond: 2 * capacity(slow, 2),
    deadlineMs: 5 * runMs(slow, 16),
  };
  const alone = (await together([slow, fast], [ofFast])).tally('fast');
  const world = await together([slow, fast], [ofFast, ofSlow]);
  const beside = world.tally('fast');
  console.log(
    table(HEAD, [line('fast alone', alone), line('beside slow', beside), line('slow', world.tally('slow'))]),
  );
  const kept = beside.offeredAnswered / beside.offered;
  assert.ok(kept >= 0.98, `the fast model keeps ${kept.toFixed(3)} of its goodput`);
  assert.ok(world.tally('slow').answered > 0, 'and the slow one is not starved');
});

test('a request of a more urgent level does not notice those of another', async () => {
  const model = simModel(
    'levels',
    { fixedMs: 20, perRowMs: 2 },
    16,
    scheduled({ priorityLevels: 2, defaultPriorityLevel: 2 }),
  );
  const urgent = { model, tag: 'urgent', priority: 1n, perSecond: 0.3 * CAPACITY, deadlineMs: DEADLINE_MS };
  // A shorter deadline than the urgent ones': by deadlines alone they would come first.
  const other = { model, tag: 'other', perSecond: 2 * CAPACITY, deadlineMs: 0.8 * DEADLINE_MS };
  const world = await together([model], [urgent, other]);
  console.log(table(HEAD, [line('urgent', world.tally('urgent')), line('other', world.tally('other'))]));
  const kept = world.tally('urgent').offeredAnswered / world.tally('urgent').offered;
  assert.ok(kept >= 0.98, `the urgent keep ${kept.toFixed(3)} of their goodput`);
  const rest = world.tally('other').answered / ((0.7 * CAPACITY * LASTS_MS) / 1000);
  assert.ok(rest >= 0.9, `the others get ${rest.toFixed(3)} of what the urgent leave`);
});
