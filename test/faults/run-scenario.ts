import { drainCourse } from './drain-course.js';
import { leaksCourse } from './leaks-course.js';
import { strikeUnderLoad, waitingCalls } from './load.js';
import { faultTimes } from './plan.js';
import { realCourse } from './real-course.js';
import { OrderedRepository } from './repository.js';
import { CALLS_PER_S, type Measured, type Scenario, WORKERS } from './scenario.js';
import { serverCourse } from './server-course.js';
import { striker } from './strikes.js';
import { settingsOf, startHere } from './system.js';

/** Runs one scenario on a server of its own. Throws NotAvailable where this build cannot. */
export function runScenario(scenario: Scenario, seed: number): Promise<Measured> {
  switch (scenario.course) {
    case 'load':
      return loadCourse(scenario, seed);
    case 'drain':
      return drainCourse(scenario, seed);
    case 'real':
      return realCourse(scenario, seed);
    case 'server':
      return serverCourse(scenario, seed);
    case 'leaks':
      return leaksCourse(scenario, seed);
  }
}

/** The usual one: the waiting model under an open loop at 45% of what its workers can do. */
async function loadCourse(
  { isolation, strike, times, everyMs, bars }: Scenario,
  seed: number,
): Promise<Measured> {
  const repository = new OrderedRepository();
  try {
    const system = await startHere(isolation, settingsOf(isolation, repository.path));
    try {
      return await strikeUnderLoad({
        system,
        calls: waitingCalls(),
        callsPerS: CALLS_PER_S,
        times: faultTimes(seed, times, everyMs),
        seed,
        workers: WORKERS,
        strike: striker(strike, system, repository.orders, seed),
        recovers: bars.fullMs !== undefined,
      });
    } finally {
      await system.stop();
    }
  } finally {
    repository.remove();
  }
}
