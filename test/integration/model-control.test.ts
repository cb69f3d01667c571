/** Loads and unloads by call, as Triton's `--model-control-mode=explicit` has them. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Settings } from '../../gateway/config/from-settings.js';
import { ask, type Client, inferenceClient } from '../support/grpc-services.js';
import { putFile, verifiedLoad } from '../support/model-changes.js';
import { addModel } from '../support/onnx-model.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';

interface Explicit extends RunningGateway {
  readonly admin: Client;
  readonly repository: string;
  load(name: string, parameters?: object): Promise<unknown>;
  unload(name: string): Promise<unknown>;
  index(): Promise<string[]>;
}

/** A server in mode `explicit` on models `add` (versions 1, 2 and 3) and `other`, of which none is loaded. */
async function explicitServer(t: TestContext, settings: Settings = {}): Promise<Explicit> {
  const repository = makeRepository(t, {
    'add/1/model.onnx': addModel(1),
    'add/2/model.onnx': addModel(2),
    'add/3/model.onnx': addModel(3),
    'other/1/model.onnx': addModel(9),
  });
  const running = await useGateway(t, {
    ...{ modelRepository: [repository], modelControlMode: 'explicit', workers: { count: 1 } },
    ...settings,
  });
  const admin = inferenceClient(Number(running.adminAddress.split(':')[1]));
  t.after(() => admin.close());
  return {
    ...{ ...running, admin, repository },
    load: (name, parameters = {}) => ask(admin, 'RepositoryModelLoad', { model_name: name, parameters }),
    unload: (name) => ask(admin, 'RepositoryModelUnload', { model_name: name }),
    async index() {
      const { models } = (await ask(admin, 'RepositoryIndex', {})) as { models: Record<string, string>[] };
      return models.map(({ name, version, state }) => `${name}/${version} ${state}`);
    },
  };
}

const text = (value: unknown) => ({
  string_param: typeof value === 'string' ? value : JSON.stringify(value),
});

test('nothing is loaded without a call; a load serves, an unload ends it at once, and what is in flight ends well', async (t) => {
  const { gateway, load, unload, index, address, admin } = await explicitServer(t);
  const none = ['add/1 UNAVAILABLE', 'add/2 UNAVAILABLE', 'add/3 UNAVAILABLE', 'other/1 UNAVAILABLE'];
  assert.deepEqual(await index(), none);
  assert.deepEqual(await ask(admin, 'ModelReady', { name: 'add' }), { ready: false });
  await load('add');
  assert.deepEqual(await index(), [
    'add/1 UNAVAILABLE',
    'add/2 UNAVAILABLE',
    'add/3 READY',
    'other/1 UNAVAILABLE',
  ]);
  const calls = verifiedLoad(t, address, 'add');
  calls.allow(3, 3);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await unload('add');
  assert.throws(() => gateway.catalog.lease('add', ''), { code: 'UNAVAILABLE' });
  assert.throws(() => gateway.catalog.lease('add', '3'), { code: 'UNAVAILABLE' });
  assert.deepEqual(await ask(admin, 'ModelReady', { name: 'add' }), { ready: false });
  await calls.stop();
  assert.ok(calls.answered > 0);
  const wrong = calls.failures.filter((line) => !/Request for unknown model: 'add'/.test(line));
  assert.deepEqual(wrong, []);
  await load('add');
  assert.equal(gateway.catalog.describe('add', '').version, 3);
  await unload('nobody');
});

test('a load may bring a configuration; another load takes it back; a bad one changes nothing', async (t) => {
  const { gateway, load, address } = await explicitServer(t, { requiredModels: ['add'] });
  const available = () => gateway.catalog.available('add');
  assert.deepEqual(available(), [3]);
  const calls = verifiedLoad(t, address, 'add');
  for (const version of [1, 2, 3]) calls.allow(version, version);
  await load('add', {
    config: text({ backend: 'onnxruntime', version_policy: { specific: { versions: ['1'] } } }),
  });
  assert.equal(gateway.catalog.describe('add', '').version, 1);
  await load('add', {
    config: text({ max_batch_size: '16', versionPolicy: { latest: { num_versions: 2 } } }),
  });
  assert.equal(gateway.catalog.describe('add', '').signature.maxBatchSize, 16);
  assert.deepEqual(available().slice(-2), [2, 3]);
  for (const bad of [
    '{',
    '[]',
    '{"no_such_field": 1}',
    '{"backend": "tensorflow"}',
    '{"max_batch_size": "many"}',
    'null',
  ])
    await assert.rejects(load('add', { config: text(bad) }), { code: 3, details: /failed to load 'add'/ });
  const long = { parameters: { note: { string_value: 'x'.repeat(1 << 20) } } };
  await assert.rejects(load('add', { config: text(long) }), { code: 3, details: /characters, at most/ });
  assert.equal(gateway.catalog.describe('add', '').signature.maxBatchSize, 16, 'what was there is there');
  await load('add');
  assert.equal(gateway.catalog.describe('add', '').signature.maxBatchSize, 256);
  await calls.stop();
  assert.deepEqual(calls.failures, []);
});

test('E77 a load that fails says why, keeps what serves, and succeeds when the file is mended', async (t) => {
  const { gateway, repository, load, address } = await explicitServer(t);
  await load('other');
  const calls = verifiedLoad(t, address, 'other');
  calls.allow(1, 9);
  const good = addModel(9);
  for (const [what, bytes] of [
    ['truncated', good.subarray(0, good.length >> 1)],
    ['empty', new Uint8Array()],
    ['other', Buffer.from('no model')],
    ['packed', Buffer.from('1f8b08000000', 'hex')],
  ] as const) {
    putFile(repository, 'other/1/model.onnx', bytes);
    await assert.rejects(
      load('other'),
      { code: 9, details: /failed to load 'other', version 1 is at UNAVAILABLE state: / },
      what,
    );
    await assert.rejects(load('other'), { code: 9 }, 'and again, though the file is the same');
    assert.equal(gateway.catalog.ready('other', '1'), true, what);
  }
  calls.allow(1, 10);
  putFile(repository, 'other/1/model.onnx', addModel(10));
  await load('other');
  calls.forbid(1, 9);
  await calls.stop();
  assert.deepEqual(calls.failures, []);
  await assert.rejects(load('nobody'), {
    code: 5,
    details: /failed to load 'nobody', failed to poll from model repository/,
  });
  for (const name of ['../add', '..', '/etc', 'add/1', '', 'a\0b'])
    await assert.rejects(load(name), { code: 3, details: /failed to load/ }, JSON.stringify(name));
});

test('files that a load brings are behind a setting of their own, and lead nowhere else', async (t) => {
  const file = (amount: number) => ({ bytes_param: Buffer.from(addModel(amount)) });
  const config = text({ max_batch_size: 8 });
  const closed = await explicitServer(t);
  await assert.rejects(closed.load('add', { config, 'file:1/model.onnx': file(5) }), { code: 7 });
  const { gateway, load, unload, address } = await explicitServer(t, { allowFileOverrides: true });
  await assert.rejects(load('add', { 'file:1/model.onnx': file(5) }), {
    code: 3,
    details: /wanted parameter 'config'/,
  });
  for (const path of ['../1/model.onnx', '1/../../x', '/1/model.onnx', '1/..', '1\\..\\x', '007/model.onnx'])
    await assert.rejects(
      load('add', { config, [`file:${path}`]: file(5) }),
      { code: 3, details: /failed to load/ },
      path,
    );
  for (const path of ['', '1', '1//x', `1/${'x'.repeat(300)}`, '1/a/b/c/d/e'])
    await assert.rejects(
      load('add', { config, [`file:${path}`]: file(5) }),
      { code: 13, details: /failed to poll from model repository/ },
      path,
    );
  await assert.rejects(load('add', { surprise: text('x') }), { code: 3, details: /'surprise'/ });
  await load('add', { config, 'file:5/model.onnx': file(5) });
  await load('fresh', { config, 'file:1/model.onnx': file(7) });
  const calls = ['add', 'fresh'].map((model) => verifiedLoad(t, address, model));
  calls[0]?.allow(5, 5);
  calls[1]?.allow(1, 7);
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const call of calls) {
    await call.stop();
    assert.deepEqual(call.failures, []);
    assert.ok(call.answered > 0);
  }
  assert.deepEqual(gateway.catalog.available('add'), [5]);
  await load('add');
  assert.equal(gateway.catalog.describe('add', '').version, 3, 'the repository’s own again');
  await unload('fresh');
  await gateway.settled();
  assert.throws(() => gateway.catalog.lease('fresh', ''), { code: 'NOT_FOUND' });
});

test('files of a load that cannot all be are refused and leave nothing; the same files again load nothing', async (t) => {
  const cacheDir = makeRepository(t, {});
  const { gateway, load } = await explicitServer(t, { allowFileOverrides: true, cacheDir });
  const given = () =>
    readdirSync(cacheDir, { recursive: true, encoding: 'utf8' }).filter((path) => /\.given./.test(path));
  const file = { bytes_param: Buffer.from(addModel(5)) };
  const config = text({ max_batch_size: 8 });
  await assert.rejects(load('add', { config, 'file:1/model.onnx': file, 'file:1/model.onnx/x': file }), {
    code: 3,
    details: /file '1\/model.onnx' is also the directory of file '1\/model.onnx\/x'/,
  });
  assert.deepEqual(given(), []);
  await load('add', { config, 'file:1/model.onnx': file });
  const first = gateway.catalog.describe('add', '1');
  await Promise.all([1, 2, 3].map(() => load('add', { config, 'file:1/model.onnx': file })));
  assert.equal(gateway.catalog.describe('add', '1'), first, 'the copy that serves is the same');
  await load('add');
  assert.deepEqual(
    given().filter((path) => path.endsWith('.onnx')),
    [],
  );
});

test('E86 a storm of loads and unloads: each answers, and the last that was acknowledged holds', async (t) => {
  const { gateway, load, unload } = await explicitServer(t);
  const last = new Map<string, string>();
  const storm = Array.from({ length: 100 }, async (_, i) => {
    const model = ['add', 'other', 'add'][i % 3] as string;
    const what = (i * 7) % 5 < 2 ? 'unload' : 'load';
    // One connection keeps the order of calls.
    last.set(model, what);
    try {
      await (what === 'load' ? load(model) : unload(model));
    } catch (error) {
      assert.match((error as Error).message, /it was unloaded meanwhile/);
    }
  });
  await Promise.all(storm);
  await gateway.settled();
  assert.deepEqual([...last.keys()], ['add', 'other']);
  for (const [model, what] of last) {
    assert.equal(gateway.catalog.ready(model, ''), what === 'load', `${model}: ${what}`);
    await (what === 'load' ? unload(model) : load(model));
    assert.equal(gateway.catalog.ready(model, ''), what !== 'load');
  }
});
