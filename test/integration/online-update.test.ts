/** A served repository that changes under constant verified load. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { putFile, putVersion, until, type VerifiedLoad, verifiedLoad } from '../support/model-changes.js';
import { addModel } from '../support/onnx-model.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';

const WATCH = { watch: { pollMs: 40, confirmMs: 20 } };
const WORKERS = { count: 1 };

async function serveAdd(
  t: TestContext,
  asked: string[] = [],
): Promise<RunningGateway & { repository: string; load: VerifiedLoad }> {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const running = await useGateway(t, { modelRepository: [repository], workers: WORKERS }, WATCH);
  const load = verifiedLoad(t, running.address, 'add', asked);
  load.allow(1, 1);
  return { ...running, repository, load };
}

function served({ gateway }: RunningGateway): string[] {
  return gateway.catalog.list().map(({ version, state, reason }) => `${version} ${state} ${reason}`.trim());
}

/** Waits until callers without a version get this amount. */
function arrives(running: RunningGateway & { load: VerifiedLoad }, amount: number): Promise<void> {
  return until(
    () => running.load.latest === amount || running.load.failures.length > 0,
    () => `${amount} is not served: ${served(running).join('; ')}`,
  );
}

const SWAPS = Number(process.env['SLUICE_TEST_SWAPS'] ?? 50);

test(`E87 ${SWAPS} swaps in a row, new versions and replaced files in turn: no call fails, and none is answered by what was never served`, async (t) => {
  const running = await serveAdd(t);
  const { repository, load } = running;
  let version = 1;
  for (let amount = 2; amount <= SWAPS + 1; amount++) {
    if (amount % 2 === 0) version++;
    load.allow(version, amount);
    if (amount % 2 === 0) putVersion(repository, `add/${version}`, addModel(amount));
    else putFile(repository, `add/${version}/model.onnx`, addModel(amount));
    await arrives(running, amount);
    // Its own number still gets a version that was left behind; a copy that was replaced nobody gets.
    if (amount % 2 === 1) load.forbid(version, amount - 1);
    if (version > 3) rmSync(join(repository, `add/${version - 3}`), { recursive: true, force: true });
  }
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.answered > SWAPS * 5, `${load.answered} answers`);
});

test('E77 E78 a version that comes in bit by bit or broken is never served; repaired, it is', async (t) => {
  const running = await serveAdd(t, ['1']);
  const { gateway, repository, load } = running;
  putFile(repository, 'add/2/model.onnx', 'no model at all');
  await until(
    () => served(running).some((line) => line.startsWith('2 failed')),
    () => served(running).join('; '),
  );
  assert.equal(load.latest, 1);
  const whole = addModel(2);
  const file = await open(join(repository, 'add/2/model.onnx'), 'w');
  load.allow(2, 2);
  const reasons = new Set<string>();
  for (let at = 0; at < whole.length; at += Math.ceil(whole.length / 12)) {
    await file.write(whole.subarray(at, at + Math.ceil(whole.length / 12)));
    await new Promise((resolve) => setTimeout(resolve, 10));
    for (const line of served(running)) reasons.add(line);
  }
  await file.close();
  await arrives(running, 2);
  assert.deepEqual(gateway.catalog.available('add'), [1, 2], 'the former version is kept');
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('E79 E83 wrong names, a broken config.pbtxt and an emptied directory unload nothing, and say so', async (t) => {
  const running = await serveAdd(t);
  const { repository, load } = running;
  putVersion(repository, 'add/007', addModel(7));
  putFile(repository, 'add/config.pbtxt', 'max_batch_size: "broken');
  await until(
    () =>
      served(running).some((line) => line.startsWith('1 available served from memory: failed to load model')),
    () => served(running).join('; '),
  );
  rmSync(join(repository, 'add/config.pbtxt'));
  await until(
    () => served(running).includes('1 available'),
    () => served(running).join('; '),
  );
  rmSync(join(repository, 'add/1'), { recursive: true });
  await until(
    () => served(running).some((line) => line.startsWith('1 available served from memory')),
    () => served(running).join('; '),
  );
  assert.equal(load.latest, 1);
  load.allow(2, 2);
  putVersion(repository, 'add/2', addModel(2));
  await arrives(running, 2);
  await until(
    () => served(running).join() === '2 available',
    () => served(running).join('; '),
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('a model comes and goes with its directory', async (t) => {
  const running = await serveAdd(t);
  const { gateway, repository, load } = running;
  putFile(repository, 'late/1/model.onnx', addModel(5));
  await until(
    () => gateway.catalog.available('late').length === 1,
    () => 'late is not served',
  );
  rmSync(join(repository, 'late'), { recursive: true });
  await until(
    () => !gateway.catalog.list().some(({ model }) => model === 'late'),
    () => 'late is still known',
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('E90 the directory of a live version is deleted: it is served on and flagged, by workers that come later, too', async (t) => {
  const running = await serveAdd(t, ['1']);
  const { gateway, repository, load } = running;
  rmSync(join(repository, 'add/1'), { recursive: true });
  await until(
    () => served(running).some((line) => line.startsWith('1 available served from memory')),
    () => served(running).join('; '),
  );
  await gateway.resize(3);
  const before = load.answered;
  await until(
    () => load.answered > before + 50,
    () => load.failures.join('; '),
  );
  assert.deepEqual(
    gateway.pool.status().map(({ state }) => /ready|busy/.test(state)),
    [true, true, true],
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('E78 a file that is overwritten before anybody looks: a worker that comes up meanwhile loads what was checked', async (t) => {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const settings = { modelRepository: [repository], workers: WORKERS };
  const { gateway, address } = await useGateway(t, settings, { watch: { pollMs: 60_000 } });
  const load = verifiedLoad(t, address, 'add');
  load.allow(1, 1);
  putFile(repository, 'add/1/model.onnx', addModel(2));
  await gateway.resize(2);
  await gateway.resize(1);
  await gateway.resize(2);
  await until(
    () => load.answered > 100,
    () => load.failures.join('; '),
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});
