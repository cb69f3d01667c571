import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AdminClient } from '../../client/admin.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import type { Gateway } from '../../gateway/gateway.js';
import { runHere } from '../support/run-cli.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';
import { inferDirectly } from '../support/waiting-server.js';

const POLL_MS = 200;

function stateDir(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A model with three versions, of which the policy wants the newest. */
function settingsFor(t: TestContext, directory?: string): Settings {
  const model = Buffer.from(JSON.stringify({ costMs: { fixed: 1 } }));
  const files = [1, 2, 3].map((version): [string, Uint8Array] => [`m/${version}/model.wait.json`, model]);
  return {
    modelRepository: [makeRepository(t, Object.fromEntries(files))],
    workers: { count: 2, enableWaitingRuntime: true },
    labelsPollMs: POLL_MS,
    ...(directory !== undefined && { stateDir: directory }),
  };
}

/** Calls without a stop until told to; remembers who answered, and what failed. */
function traffic(gateway: Gateway) {
  const seen: { at: number; version: number }[] = [];
  const failed: unknown[] = [];
  let over = false;
  const one = async (): Promise<void> => {
    while (!over)
      await inferDirectly(gateway, 'm').then(
        ({ version }) => seen.push({ at: performance.now(), version }),
        async (error) => {
          failed.push(error);
          // A refusal comes at once: without a pause nothing else would ever run.
          await new Promise((resolve) => setTimeout(resolve, 5));
        },
      );
  };
  const loops = Promise.all(Array.from({ length: 8 }, one));
  const stop = async () => {
    over = true;
    await loops;
  };
  return { seen, failed, stop };
}

const versionOf = (gateway: Gateway): number => gateway.catalog.describe('m', '').version;

async function until(what: string, holds: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    assert.ok(performance.now() < end, `${what} within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function adminOf(t: TestContext, address: string): AdminClient {
  const client = new AdminClient({ address });
  t.after(() => client.close());
  return client;
}

test('E88 a label moves under load: no call fails, after the answer nothing else serves; a rollback takes less than 50 ms', async (t) => {
  const { gateway, adminAddress } = await useGateway(t, settingsFor(t, stateDir(t)));
  const admin = adminOf(t, adminAddress);
  const load = traffic(gateway);
  t.after(load.stop);
  assert.equal(versionOf(gateway), 3);
  await admin
    .label({ model: 'm', label: 'stable', version: 1 })
    .then(({ serving }) => assert.equal(serving, false));
  assert.equal(versionOf(gateway), 3, 'what answered serves until the first label is there');
  await until('version 1 serves', () => versionOf(gateway) === 1);
  await admin.promote({ model: 'm', version: 2 });
  assert.equal(versionOf(gateway), 1, 'what was before serves until the new one is there');
  await until('version 2 serves', () => versionOf(gateway) === 2);
  const took: number[] = [];
  let done = 0;
  for (let round = 0; round < 5; round++) {
    if (round > 0) await admin.promote({ model: 'm', version: 2 });
    const begun = performance.now();
    const back = await admin.rollback({ model: 'm' }, { who: 'test', why: 'too slow' });
    done = performance.now();
    took.push(done - begun);
    assert.deepEqual([back.from, back.to, back.serving], [2, 1, true]);
  }
  // The best one: three other tests have the machine at the same time, and can only add to it.
  assert.ok(Math.min(...took) < 50, `the rollbacks took ${took.map(Math.round).join(', ')} ms`);
  await new Promise((resolve) => setTimeout(resolve, 200));
  await load.stop();
  assert.deepEqual(load.failed, []);
  // What was under way when it was answered may end on the old version: each takes some milliseconds.
  const late = load.seen.filter(({ at, version }) => at > done + 50 && version !== 1);
  assert.deepEqual(late, []);
  assert.ok(load.seen.some(({ version }) => version === 2));
});

test('labels and their history survive a restart, and are in force before the first call', async (t) => {
  const settings = settingsFor(t, stateDir(t));
  const first = await useGateway(t, settings);
  await adminOf(t, first.adminAddress).label(
    { model: 'm', label: 'stable', version: 2 },
    { who: 'ann', why: 'x' },
  );
  await first.gateway.stop();
  const second = await useGateway(t, settings);
  assert.equal(versionOf(second.gateway), 2);
  const [change] = await adminOf(t, second.adminAddress).history('m');
  assert.deepEqual([change?.who, change?.why, change?.from, change?.to], ['ann', 'x', 3, 2]);
});

test('three servers on one state directory: one rollback, all on the old version within one poll interval, 0 failed', async (t) => {
  const settings = settingsFor(t, stateDir(t));
  const servers: RunningGateway[] = [];
  for (let n = 0; n < 3; n++)
    servers.push(await useGateway(t, { ...settings, workers: { count: 1, enableWaitingRuntime: true } }));
  const endpoints = servers.map(({ adminAddress }) => adminAddress).join(',');
  for (const version of ['2', '3']) {
    const moved = await runHere(['label', 'm', 'stable', version, '--endpoint', endpoints, '--json']);
    assert.equal(moved.code, 0, moved.stderr + moved.stdout);
    await until(`all on ${version}`, () =>
      servers.every(({ gateway }) => versionOf(gateway) === Number(version)),
    );
  }
  const loads = servers.map(({ gateway }) => traffic(gateway));
  const [one] = servers;
  await adminOf(t, one?.adminAddress as string).rollback({ model: 'm' });
  await until('all on 2', () => servers.every(({ gateway }) => versionOf(gateway) === 2), POLL_MS + 100);
  for (const load of loads) {
    await load.stop();
    assert.deepEqual(load.failed, []);
  }
  const generations = await Promise.all(
    servers.map(({ adminAddress }) => adminOf(t, adminAddress).versions('m')),
  );
  assert.deepEqual(new Set(generations.map(({ generation }) => generation)), new Set([3]));
});

test('the command line on several servers: a line for each, once for all that share their state, exit 1 where one differs', async (t) => {
  const shared = settingsFor(t, stateDir(t));
  const pair = [await useGateway(t, shared), await useGateway(t, shared)];
  const both = pair.map(({ adminAddress }) => adminAddress).join(',');
  await runHere(['label', 'm', 'stable', '1', '--endpoint', both]);
  await runHere(['label', 'm', 'stable', '2', '--endpoint', both]);
  await runHere(['promote', 'm', '3', '--endpoint', both]);
  const back = await runHere(['rollback', 'm', '--endpoint', both, '--why', 'test']);
  assert.equal(back.code, 0, back.stderr);
  assert.match(
    back.stdout,
    /^\S+: version 3 -> 2 \(generation 4\).*\n\S+: was so already: version 2 \(generation 4\)\n$/,
  );
  const history = await runHere(['history', 'm', '--endpoint', both.split(',')[0] as string]);
  assert.match(history.stdout, /4 .* rollback +m +stable +3 +2 +test\n/);
  const alone = await useGateway(t, settingsFor(t));
  const differ = await runHere(['versions', 'm', '--endpoint', `${both},${alone.adminAddress}`]);
  assert.equal(differ.code, 1);
  const unreachable = await runHere(['rollback', 'm', '--endpoint', '127.0.0.1:1', '--timeout', '1']);
  assert.equal(unreachable.code, 69);
  const wrong = await runHere(['label', 'nobody', 'stable', '1', '--endpoint', alone.adminAddress]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /NOT_FOUND: 'nobody' is not a model of this server/);
});

test('a load by call brings a version that the policy leaves out, and an unload takes it back', async (t) => {
  const { gateway, adminAddress } = await useGateway(t, settingsFor(t));
  assert.deepEqual(gateway.catalog.available('m'), [3]);
  const loaded = await runHere(['load', 'm', '1', '--endpoint', adminAddress]);
  assert.match(loaded.stdout, /version 1 .*kept in memory only/);
  await until('1 is there', () => gateway.catalog.available('m').includes(1));
  assert.equal(versionOf(gateway), 3);
  await runHere(['unload', 'm', '1', '--endpoint', adminAddress]);
  await until('1 is gone', () => !gateway.catalog.available('m').includes(1));
});
