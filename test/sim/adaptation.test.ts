import assert from 'node:assert/strict';
import { test } from 'node:test';
import { poisson } from '../support/sim/arrivals.js';
import { begin } from '../support/sim/load.js';
import { capacity, runMs, simModel } from '../support/sim/models.js';
import { FULL, scheduler } from '../support/sim/modes.js';
import { table } from '../support/sim/table.js';
import { World } from '../support/sim/world.js';

const MODEL = simModel('waiting', { fixedMs: 20, perRowMs: 2 });
const CAPACITY = capacity(MODEL, 2);
/** How long the machine stays as it is, and how much of that it may take to find out. */
const PHASE_S = FULL ? 20 : 8;
const ADAPT_S = 3;
const FACTORS = [1, 2, 1, 0.5, 1];
const LEAST_SHARE = 0.95;

const CASES = [
  { mode: 'no admission', noise: 0 },
  { mode: 'all on', noise: 0.1 },
] as const;

for (const { mode, noise } of CASES) {
  test(`a machine that becomes slower or faster is found out within ${ADAPT_S} s: ${mode}, noise ${noise}`, async () => {
    const world = await new World({
      models: [MODEL],
      batcher: scheduler(mode),
      weather: { noise, slowdown: (atMs) => FACTORS[Math.floor(atMs / 1000 / PHASE_S)] ?? 1 },
    }).start();
    const lastsMs = FACTORS.length * PHASE_S * 1000;
    const deadlineMs = (): number => 5 * runMs(MODEL, 16);
    begin(world, { model: MODEL, arrivals: poisson(world.random, 2.5 * CAPACITY), deadlineMs, lastsMs });
    await world.clock.run(lastsMs);
    const tally = world.tally('waiting');
    const shares = FACTORS.map((factor, phase) => {
      const from = phase * PHASE_S;
      const ideal = CAPACITY / factor;
      return [
        tally.rate(from, from + ADAPT_S) / ideal,
        tally.rate(from + ADAPT_S, from + PHASE_S) / ideal,
      ] as const;
    });
    await world.windUp();
    console.log(
      table(
        ['run times', `first ${ADAPT_S} s`, 'after that'],
        FACTORS.map((factor, phase) => [`x ${factor}`, ...(shares[phase] as readonly [number, number])]),
      ),
      `\nwasted ${world.wasted.toFixed(3)}`,
    );
    for (const [phase, [, share]] of shares.entries())
      assert.ok(
        share >= LEAST_SHARE,
        `run times x ${FACTORS[phase]}: ${share.toFixed(3)} of what is possible`,
      );
  });
}
