import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayDependencies } from '../../gateway/gateway.js';
import { threadChannels } from '../../gateway/pool/thread-channel.js';
import { irisTemplate } from '../support/load-plans.js';
import { EXAMPLES } from '../support/use-gateway.js';
import { strikeUnderLoad } from './load.js';
import { faultTimes } from './plan.js';
import { OrderFolder } from './repository.js';
import { type Measured, type Scenario, WORKERS } from './scenario.js';
import { striker } from './strikes.js';
import { settingsOf, startHere } from './system.js';

/** Far below what iris can do, so that the machine is not what fails. */
const CALLS_PER_S = 500;
/** Read by test/support/ordered-worker.ts. */
const FOLDER = 'FAULT_FOLDER';

/** iris, whose answers are known. Its threads are told to exit by the same orders as those of the waiting runtime. */
export async function realCourse(scenario: Scenario, seed: number): Promise<Measured> {
  const { isolation, strike, times, everyMs } = scenario;
  const orders = new OrderFolder(mkdtempSync(join(tmpdir(), 'sluice-faults-')));
  process.env[FOLDER] = orders.path;
  try {
    const dependencies = isolation === 'thread' ? orderedThreads() : {};
    const system = await startHere(isolation, settingsOf(isolation, EXAMPLES), dependencies);
    try {
      return await strikeUnderLoad({
        system,
        calls: irisTemplate(flowers()),
        callsPerS: CALLS_PER_S,
        times: faultTimes(seed, times, everyMs),
        seed,
        workers: WORKERS,
        strike: striker(strike, system, orders, seed),
        recovers: true,
      });
    } finally {
      await system.stop();
    }
  } finally {
    delete process.env[FOLDER];
    rmSync(orders.path, { recursive: true, force: true });
  }
}

function orderedThreads(): GatewayDependencies {
  return {
    openChannel: threadChannels({
      clock: systemClock,
      recorder: { dropped: () => {} },
      intraOpThreads: 1,
      workerUrl: new URL('../support/ordered-worker.js', import.meta.url),
    }),
  };
}

function flowers() {
  const iris = JSON.parse(readFileSync(join(EXAMPLES, 'iris/predictions.json'), 'utf8')) as {
    readonly rows: number[][];
    readonly '2': { readonly label: number[] };
  };
  return iris.rows.map((row, i) => ({ row, label: iris['2'].label[i] as number }));
}
