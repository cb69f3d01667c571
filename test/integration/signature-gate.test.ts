/** A version with another signature than what clients of a label know is loaded, and answers nobody who has not asked for it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { putFile, putVersion, until, verifiedLoad } from '../support/model-changes.js';
import { addModel } from '../support/onnx-model.js';
import { runHere } from '../support/run-cli.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';

const WATCH = { watch: { pollMs: 40, confirmMs: 20 } };

async function serve(t: TestContext) {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const stateDir = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  t.after(() => rmSync(stateDir, { recursive: true, force: true }));
  const settings = { modelRepository: [repository], stateDir, workers: { count: 1 } };
  const running = await useGateway(t, settings, WATCH);
  return { running, repository, settings };
}

const served = ({ gateway }: RunningGateway): number => gateway.catalog.describe('add', '').version;

test('a version with another signature is held: a promotion is refused with the difference, and goes through by force', async (t) => {
  const { running, repository, settings } = await serve(t);
  const sluice = (...args: string[]) => runHere([...args, '--endpoint', running.adminAddress]);
  assert.equal((await sluice('label', 'add', 'stable', '1')).code, 0);
  const load = verifiedLoad(t, running.address, 'add');
  load.allow(1, 1);
  putVersion(repository, 'add/2', addModel(2, 5));
  await until(
    () => running.gateway.catalog.available('add').includes(2),
    () => 'version 2 is not loaded',
  );
  const told = /input 'X': FP32 \[-1, 4\] -> FP32 \[-1, 5\]; output 'Y'/;
  assert.match((await sluice('versions', 'add')).stdout, told);
  const refused = await sluice('promote', 'add', '2');
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, told);
  assert.match(refused.stderr, /--force/);
  assert.equal(served(running), 1);
  // Waited for before it is there, it is held when it comes.
  assert.equal((await sluice('promote', 'add', '3')).code, 0);
  putVersion(repository, 'add/3', addModel(3, 5));
  await until(
    () => running.gateway.catalog.available('add').includes(3),
    () => 'version 3 is not loaded',
  );
  assert.equal(served(running), 1);
  assert.match(
    (await sluice('versions', 'add')).stdout,
    /waits for version 3; version 1 serves\. It is held: input 'X'/,
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
  // Another server on the same state, which knows nothing but that, holds it as well.
  const other = await useGateway(t, settings, WATCH);
  assert.equal(served(other), 1);
  assert.equal((await sluice('promote', 'add', '3', '--force', '--why', 'clients are ready')).code, 0);
  assert.equal(served(running), 3);
  await until(
    () => served(other) === 3,
    () => `the other server serves ${served(other)}`,
  );
  assert.equal((await sluice('rollback', 'add')).code, 0, 'a way back needs no force');
  assert.equal(served(running), 1);
});

test('new files of a labelled version may not change its signature under the callers’ hands', async (t) => {
  const { running, repository } = await serve(t);
  await runHere(['label', 'add', 'stable', '1', '--endpoint', running.adminAddress]);
  const load = verifiedLoad(t, running.address, 'add');
  load.allow(1, 1);
  putFile(repository, 'add/1/model.onnx', addModel(7, 5));
  await until(
    () =>
      /label 'stable' leads to it, and its new files/.test(running.gateway.catalog.list()[0]?.reason ?? ''),
    () => JSON.stringify(running.gateway.catalog.list()),
  );
  assert.equal(running.gateway.catalog.describe('add', '').signature.inputs[0]?.shape[1], 4);
  load.allow(1, 8);
  putFile(repository, 'add/1/model.onnx', addModel(8));
  await until(
    () => load.latest === 8,
    () => JSON.stringify(running.gateway.catalog.list()),
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});
