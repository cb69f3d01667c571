import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bursty, poisson } from '../support/sim/arrivals.js';
import { begin } from '../support/sim/load.js';
import { capacity, runMs, simModel } from '../support/sim/models.js';
import { FULL, type Mode, scheduler } from '../support/sim/modes.js';
import { Possible } from '../support/sim/possible.js';
import { table } from '../support/sim/table.js';
import { World } from '../support/sim/world.js';

/** The waiting runtime of the benchmarks: 615 rows a second on two workers. */
const MODEL = simModel('waiting', { fixedMs: 20, perRowMs: 2 });
const WORKERS = 2;
const FULL_BATCH_MS = runMs(MODEL, 16);
const CAPACITY = capacity(MODEL, WORKERS);
const WARM_UP_MS = 2000;
const LASTS_MS = FULL ? 20_000 : 6000;

/** Goodput that is wanted of what is possible, and how much of the work may have been for nothing. */
const LEAST_SHARE = 0.98;
const MOST_WASTED = 0.02;

interface Point {
  readonly mode: Mode;
  readonly load: number;
  readonly deadlines: 'equal' | 'mixed';
  readonly pattern: 'poisson' | 'bursty';
}

interface Outcome extends Point {
  /** Of min(offered, capacity). */
  readonly ofIdeal: number;
  /** Of what can be had at all, given when the requests came. */
  readonly share: number;
  readonly wasted: number;
  readonly p50: number;
  readonly p99: number;
  readonly failed: string;
}

async function measure(point: Point): Promise<Outcome> {
  const world = await new World({
    models: [MODEL],
    workers: WORKERS,
    batcher: scheduler(point.mode),
  }).start();
  const { random } = world;
  const perSecond = point.load * CAPACITY;
  world.possible = new Possible(CAPACITY, FULL_BATCH_MS * (point.deadlines === 'equal' ? 5 : 10));
  world.countFromMs = WARM_UP_MS;
  world.countUntilMs = WARM_UP_MS + LASTS_MS;
  begin(world, {
    model: MODEL,
    arrivals: point.pattern === 'poisson' ? poisson(random, perSecond) : bursty(random, perSecond),
    deadlineMs: () => FULL_BATCH_MS * (point.deadlines === 'equal' ? 5 : 1.5 + 8.5 * random()),
    // Beyond the time that counts, so that its end is like its middle.
    lastsMs: WARM_UP_MS + LASTS_MS + 1000,
  });
  await world.clock.run(WARM_UP_MS + LASTS_MS + 1000);
  const tally = world.tally('waiting');
  const ideal = Math.min(tally.offered, (CAPACITY * LASTS_MS) / 1000);
  // Below capacity each request has a right to its answer; above it, only so many can be answered.
  const good = tally.offered < (CAPACITY * LASTS_MS) / 1000 ? tally.offeredAnswered : tally.answered;
  await world.windUp();
  assert.equal(tally.afterDeadline, 0, 'what comes too late is no answer');
  const failed = [...tally.failed].map(([what, rows]) => `${what} ${(rows / tally.offered).toFixed(2)}`);
  return {
    ...point,
    ofIdeal: good / ideal,
    // Chance may let in more than the mean capacity at the edges of the time that counts.
    share: good / (point.pattern === 'poisson' ? ideal : Math.min(ideal, world.possible.rows)),
    wasted: world.wasted,
    p50: tally.quantile(0.5),
    p99: tally.quantile(0.99),
    failed: failed.join(', '),
  };
}

function print(outcomes: readonly Outcome[]): void {
  const rows = outcomes.map((o) => [
    o.mode,
    o.deadlines,
    o.pattern,
    `${o.load}x`,
    o.ofIdeal,
    o.share,
    o.wasted,
    o.p50.toFixed(0),
    o.p99.toFixed(0),
    o.failed,
  ]);
  const head = [
    'mode',
    'deadlines',
    'arrivals',
    'load',
    'of ideal',
    'of possible',
    'wasted',
    'p50 ms',
    'p99 ms',
    'failed',
  ];
  console.log(table(head, rows));
}

const KINDS = [
  ['equal', 'poisson'],
  ['mixed', 'poisson'],
  ['equal', 'bursty'],
  ...(FULL ? ([['mixed', 'bursty']] as const) : []),
] as const;
const LOADS = FULL ? [0.5, 0.8, 1.2, 2, 4, 10] : [0.8, 1.2, 4];

for (const mode of ['no admission', 'all on'] as const) {
  test(`goodput is at least ${LEAST_SHARE} of what is possible at any load: ${mode}`, async () => {
    const outcomes: Outcome[] = [];
    for (const [deadlines, pattern] of KINDS)
      for (const load of LOADS) outcomes.push(await measure({ mode, load, deadlines, pattern }));
    print(outcomes);
    const missed = outcomes.filter(({ share, wasted }) => share < LEAST_SHARE || wasted > MOST_WASTED);
    assert.deepEqual(
      missed.map(
        (o) =>
          `${o.deadlines} ${o.pattern} ${o.load}x: ${o.share.toFixed(3)} of what is possible, ${o.wasted.toFixed(3)} wasted`,
      ),
      [],
    );
  });
}

test('first come, first served collapses: the comparison that the table is for', {
  skip: !FULL,
}, async () => {
  const outcomes: Outcome[] = [];
  for (const load of [0.8, 1.2, 2])
    outcomes.push(await measure({ mode: 'fifo', load, deadlines: 'equal', pattern: 'poisson' }));
  print(outcomes);
  assert.ok((outcomes.at(-1) as Outcome).share < 0.5);
});
