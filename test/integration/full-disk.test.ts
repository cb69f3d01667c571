/** What the server cannot write or read of its files harms no version that serves. */
import assert from 'node:assert/strict';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AdminClient } from '../../client/admin.js';
import { ask, inferenceClient } from '../support/grpc-services.js';
import { putFile, putVersion, until, verifiedLoad } from '../support/model-changes.js';
import { addModel, onnxModel } from '../support/onnx-model.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const FILE_KIB = 256;

/** Adds an amount, and has weights of this many KiB that the file of a copy cannot hold. */
function heavyModel(amount: number, kib: number): Uint8Array {
  const values = Array.from({ length: kib * 256 }, (_, i) => (i === 0 ? amount : 0));
  return onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 4] }],
    weights: [
      { name: 'W', type: 'FP32', shape: [kib * 256], values },
      { name: 'axes', type: 'INT64', shape: [1], values: [0] },
    ],
    nodes: [
      { op: 'ReduceSum', inputs: ['W', 'axes'], outputs: ['amount'] },
      { op: 'Add', inputs: ['X', 'amount'], outputs: ['Y'] },
    ],
  });
}

async function stateOf(admin: AdminClient, version: number): Promise<string> {
  const { versions } = await admin.versions('add');
  const line = versions.find((each) => each.version === version);
  return line === undefined ? 'not known' : `${line.state} ${line.reason}`;
}

async function serverWithFullDisk(t: TestContext, args: readonly string[]): Promise<ServerProcess> {
  const server = await startServerProcess({ args, fileKib: FILE_KIB });
  t.after(() => server.stop());
  return server;
}

test('E83 no room for the copy of a new version: it fails and says so, the old one serves on, and a smaller one is taken', async (t) => {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const server = await serverWithFullDisk(t, [
    '--model-repository',
    repository,
    '--repository-poll-secs',
    '1',
  ]);
  const load = verifiedLoad(t, `localhost:${server.grpcPort}`, 'add');
  load.allow(1, 1);
  const admin = new AdminClient({ address: `localhost:${server.adminPort}` });
  t.after(() => admin.close());
  putVersion(repository, 'add/2', heavyModel(2, 2 * FILE_KIB));
  let state = '';
  for (let i = 0; i < 100 && !state.startsWith('failed'); i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    state = await stateOf(admin, 2);
  }
  assert.match(
    state,
    /^failed failed to load model 'add' version 2: its copy .* cannot be written \(cacheDir\)/,
  );
  load.allow(3, 3);
  putVersion(repository, 'add/3', addModel(3));
  await until(
    () => load.latest === 3 || load.failures.length > 0,
    () => 'version 3 is not served',
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('E83 no room, and a load by call: the call fails with the reason, and what was loaded serves on', async (t) => {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const explicit = ['--model-control-mode', 'explicit', '--load-model', 'add'];
  const server = await serverWithFullDisk(t, ['--model-repository', repository, ...explicit]);
  const control = inferenceClient(server.adminPort);
  t.after(() => control.close());
  const load = verifiedLoad(t, `localhost:${server.grpcPort}`, 'add');
  load.allow(1, 1);
  putFile(repository, 'add/1/model.onnx', heavyModel(2, 2 * FILE_KIB));
  await assert.rejects(ask(control, 'RepositoryModelLoad', { model_name: 'add' }), {
    details: /its copy for the workers cannot be written \(cacheDir\)/,
  });
  const before = load.answered;
  await until(
    () => load.answered > before + 20 || load.failures.length > 0,
    () => 'version 1 serves no more',
  );
  load.allow(1, 3);
  putFile(repository, 'add/1/model.onnx', addModel(3));
  await ask(control, 'RepositoryModelLoad', { model_name: 'add' });
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test('E83 a repository that turns into what cannot be read keeps all that it had, and is watched on', async (t) => {
  const repository = makeRepository(t, { 'models/add/1/model.onnx': addModel(1) });
  const models = join(repository, 'models');
  const { gateway, address } = await useGateway(
    t,
    { modelRepository: [models], workers: { count: 1 } },
    { watch: { pollMs: 40, confirmMs: 20 } },
  );
  const load = verifiedLoad(t, address, 'add');
  load.allow(1, 1);
  rmSync(models, { recursive: true });
  symlinkSync('models', models); // ELOOP
  await until(
    () => gateway.catalog.list().some(({ reason }) => /served from memory/.test(reason)),
    () => JSON.stringify(gateway.catalog.list()),
  );
  rmSync(models);
  load.allow(2, 2);
  putFile(repository, 'models/add/2/model.onnx', addModel(2));
  await until(
    () => load.latest === 2 || load.failures.length > 0,
    () => JSON.stringify(gateway.catalog.list()),
  );
  await load.stop();
  assert.deepEqual(load.failures, []);
});
