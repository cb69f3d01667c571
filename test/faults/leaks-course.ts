import { setTimeout as delay } from 'node:timers/promises';
import { Cancellation } from '../../gateway/core/cancellation.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { Gateway } from '../../gateway/gateway.js';
import { childrenOf, ownThreadsAndFiles } from '../support/proc.js';
import { rowOf } from './load.js';
import { MODEL, OrderedRepository } from './repository.js';
import { MAX_ROWS, type Measured, type Round, type Scenario, WORKERS } from './scenario.js';
import { striker } from './strikes.js';
import { settingsOf, startHere } from './system.js';

/** Crashes before the first look: caches, buffers and the heap have then got the size that they keep. */
const WARM_UP_CRASHES = 20;
const READY_WITHIN_MS = 15_000;
/** Both are noise of the allocator and of V8; a crash that kept anything would add up to more. */
const MEMORY_NOISE_BYTES = 24 * 1024 * 1024;
const COUNT_NOISE = 2;

interface Held {
  readonly memory: number;
  readonly threads: number;
  readonly files: number;
  readonly handles: number;
  readonly processes: number;
}

/** Kills workers one after the other, each by a call that the other answers; then everything must be as it was before. */
export async function leaksCourse(scenario: Scenario, seed: number): Promise<Measured> {
  const { isolation, strike, times } = scenario;
  const repository = new OrderedRepository();
  let [calls, failed, wrong] = [0, 0, 0];
  const rounds: Round[] = [];
  const notes: string[] = [];
  try {
    const { gateway, ...system } = await startHere(isolation, settingsOf(isolation, repository.path));
    const hit = striker(strike, system, repository.orders, seed);
    const callAll = async (): Promise<void> => {
      const firsts = Array.from({ length: WORKERS * MAX_ROWS }, () => ++calls);
      const answers = await Promise.allSettled(firsts.map((first) => inferOnce(gateway, first)));
      for (const [i, answer] of answers.entries()) {
        if (answer.status === 'rejected') {
          failed++;
          notes.push(String(answer.reason));
        } else if (answer.value !== firsts[i]) wrong++;
      }
    };
    const crash = async (): Promise<void> => {
      // A full batch for each worker: one that has answered had no trouble starting.
      await callAll();
      const struck = hit();
      await callAll();
      rounds.push(await fullAgain(system, await struck));
    };
    try {
      for (let i = 0; i < Math.min(WARM_UP_CRASHES, times); i++) await crash();
      const before = await held();
      for (let i = 0; i < times; i++) await crash();
      const after = await held();
      return {
        calls,
        failed,
        wrong,
        doubled: 0,
        steadyP99Ms: undefined,
        rounds,
        notes: [`before: ${JSON.stringify(before)}, after: ${JSON.stringify(after)}`, ...notes.slice(0, 5)],
        leaks: leaksBetween(before, after, times),
      };
    } finally {
      await gateway.stop();
    }
  } finally {
    repository.remove();
  }
}

/** What is more than noise, in words. */
export function leaksBetween(before: Held, after: Held, crashes: number): string[] {
  return (Object.keys(before) as (keyof Held)[])
    .filter((what) => after[what] - before[what] > (what === 'memory' ? MEMORY_NOISE_BYTES : COUNT_NOISE))
    .map((what) => `${what} went from ${before[what]} to ${after[what]} in ${crashes} crashes`);
}

async function held(): Promise<Held> {
  // Handles close asynchronously, and threads of V8 come and go.
  await delay(500);
  globalThis.gc?.();
  await delay(100);
  globalThis.gc?.();
  return {
    memory: process.memoryUsage().rss,
    ...ownThreadsAndFiles(),
    handles: process.getActiveResourcesInfo().filter((name) => name !== 'Immediate').length,
    processes: childrenOf(process.pid).length,
  };
}

async function fullAgain(system: { ready(): Promise<number> }, struck: number): Promise<Round> {
  const until = systemClock.now() + READY_WITHIN_MS;
  let fell = false;
  while (systemClock.now() < until) {
    const ready = await system.ready();
    if (ready < WORKERS) fell = true;
    else if (fell) return { fullMs: systemClock.now() - struck, p99Ms: undefined };
    await delay(1);
  }
  return { fullMs: undefined, p99Ms: undefined };
}

/** The first element of the answer to one row. */
async function inferOnce(gateway: Gateway, first: number): Promise<number> {
  const now = systemClock.now();
  const { outputs } = await gateway.infer({
    model: MODEL,
    version: '',
    id: '',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data: rowOf(first) }],
    outputs: [],
    parameters: new Map(),
    deadline: now + 10_000,
    cancellation: new Cancellation(),
    arrivedAt: now,
  });
  const data = outputs[0]?.data ?? new Uint8Array(4);
  return new DataView(data.buffer, data.byteOffset).getFloat32(0, true);
}
