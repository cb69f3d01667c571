/** A server that is killed in the midst of changes: what it comes back with is the old state or the new, never a third. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../bench/load/random.js';
import { AdminClient } from '../../client/admin.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { sized } from '../support/sized.js';

const KILLS = sized({ usual: 3, full: 20 });
const LONGEST_MS = 60;

async function start(t: TestContext, stateDir: string): Promise<ServerProcess> {
  const args = ['--model-repository', 'examples', '--workers', '1', '--state-dir', stateDir];
  const server = await startServerProcess({ args });
  t.after(() => server.stop());
  return server;
}

/** Where `stable` leads, and in which generation. */
interface Known {
  readonly version: number | undefined;
  readonly generation: number;
}

async function ask({ adminPort }: ServerProcess): Promise<Known> {
  const admin = new AdminClient({ address: `localhost:${adminPort}` });
  try {
    const { labels, generation } = await admin.versions('iris');
    return { version: labels.find(({ label }) => label === 'stable')?.version, generation };
  } finally {
    admin.close();
  }
}

/**
 * Moves the label to and fro until the server is gone: the last state that was acknowledged, and the one asked for then.
 * @param life hears `moved` at each move that was acknowledged
 */
async function moveUntilGone(
  { adminPort }: ServerProcess,
  from: Known,
  life: EventEmitter,
): Promise<readonly [Known, Known]> {
  const admin = new AdminClient({ address: `localhost:${adminPort}` });
  for (let acknowledged = from; ; ) {
    const version = acknowledged.version === 1 ? 2 : 1;
    const asked = { version, generation: acknowledged.generation + 1 };
    try {
      await admin.label({ model: 'iris', label: 'stable', version });
    } catch {
      admin.close();
      return [acknowledged, asked];
    }
    acknowledged = asked;
    life.emit('moved');
  }
}

test(`killed ${KILLS} times in the midst of moves of a label, a server comes back with the old state or the new`, async (t) => {
  const stateDir = mkdtempSync(join(tmpdir(), 'sluice-kills-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const random = seededRandom(8);
  let server = await start(t, stateDir);
  let known = await ask(server);
  for (let kill = 0; kill < KILLS; kill++) {
    const life = new EventEmitter();
    const moves = moveUntilGone(server, known, life);
    // However long a loaded machine takes to a life's first move: it is killed between two of them, not before.
    await Promise.race([once(life, 'moved'), moves]);
    await sleep(random() * LONGEST_MS);
    process.kill(server.pid, 'SIGKILL');
    const either = await moves;
    await server.ended;
    server = await start(t, stateDir);
    known = await ask(server);
    const wanted = either.map((state) => JSON.stringify(state));
    assert.ok(wanted.includes(JSON.stringify(known)), `${JSON.stringify(known)} is none of ${wanted}`);
  }
  assert.ok(known.generation >= KILLS, `${known.generation} moves in ${KILLS} lives`);
  t.diagnostic(`${known.generation} moves in ${KILLS} lives`);
});
