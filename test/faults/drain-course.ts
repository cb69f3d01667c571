import { setTimeout as delay } from 'node:timers/promises';
import { inferRaw } from '../support/infer-raw.js';
import { RawClient } from '../support/raw-grpc.js';
import { rowOf } from './load.js';
import { MODEL, OrderedRepository } from './repository.js';
import { type Measured, NotAvailable, type Scenario } from './scenario.js';
import { striker } from './strikes.js';
import { settingsOf, startHere } from './system.js';

const ROUNDS = 3;
/** Several batches for each worker: some still wait when the last has come. */
const CALLS = 160;

/** A worker dies while the server, told to stop, lets what it has accepted end: all of that is answered. */
export async function drainCourse(scenario: Scenario, seed: number): Promise<Measured> {
  let [failed, wrong] = [0, 0];
  const notes: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const repository = new OrderedRepository();
    try {
      const answers = await drainOnce(scenario, seed + round, repository);
      for (const [i, { status, message, outputs }] of answers.entries()) {
        const right = Buffer.from(rowOf(i + 1)).equals(Buffer.from(outputs[0]?.data ?? []));
        if (status !== 0) notes.push(`call ${i} ended with ${status}: ${message}`);
        if (status !== 0) failed++;
        else if (!right) wrong++;
      }
    } finally {
      repository.remove();
    }
  }
  return {
    calls: ROUNDS * CALLS,
    failed,
    wrong,
    // A second message on a stream would make the answer a wrong one.
    doubled: 0,
    steadyP99Ms: undefined,
    rounds: Array.from({ length: ROUNDS }, () => ({ fullMs: undefined, p99Ms: undefined })),
    notes: notes.slice(0, 5),
  };
}

async function drainOnce({ isolation, strike }: Scenario, seed: number, repository: OrderedRepository) {
  const system = await startHere(isolation, settingsOf(isolation, repository.path));
  const client = new RawClient(system.grpcPort);
  try {
    const answers = Array.from({ length: CALLS }, (_, i) =>
      inferRaw(client, {
        modelName: MODEL,
        inputs: [{ name: 'X', datatype: 'FP32', shape: [1n, 4n] }],
        rawInputContents: [rowOf(i + 1)],
      }),
    );
    let answered = 0;
    for (const answer of answers) void answer.then(() => answered++);
    // What has not come yet may be refused.
    while (answered + system.gateway.batcher.stats().entries < CALLS) await delay(0);
    const struck = striker(strike, system, repository.orders, seed)();
    const stopped = system.stop();
    await struck.catch((error: Error) => {
      throw new NotAvailable(`no worker was struck: ${error.message}`);
    });
    await stopped;
    return await Promise.all(answers);
  } finally {
    client.close();
    await system.stop();
  }
}
