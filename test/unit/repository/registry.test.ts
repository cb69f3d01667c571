import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError, StatusCode } from '../../../gateway/core/error.js';
import type { FoundModel } from '../../../gateway/repository/found.js';
import { found, scripted, tick } from './scripted-registry.js';

function assertThrows(run: () => unknown, code: StatusCode, message: string | RegExp): void {
  assert.throws(run, (error: GatewayError) => {
    assert.equal(error.code, code);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

test('a version is prepared, loaded, and then can be leased', async () => {
  const { registry, requests, next, states } = scripted({ iris: { maxBatchSize: 16 } });
  registry.aspire(found({ iris: [1, 2] }));
  assert.deepEqual(states(), ['iris/1 discovered', 'iris/2 loading']);
  assert.deepEqual(requests[0], {
    model: 'iris',
    version: 2,
    modelPath: '/repo/iris/2/model.onnx',
    outputDir: '/cache/iris/2',
    defaultMaxBatchSize: 256,
    intraOpThreads: 1,
    maxBatchSize: 16,
    configuration: {
      inputs: [],
      outputs: [],
      parameters: {},
      runtime: {},
      versionPolicy: { latest: 1 },
      instanceCount: 1,
      instancesGiven: false,
    },
  });
  assert.equal(registry.ready('iris', ''), false);
  (await next('prepare', 'iris/2')).succeed();
  const load = await next('load', 'iris/2');
  assert.deepEqual(states(), ['iris/1 discovered', 'iris/2 warming']);
  load.succeed();
  await registry.settled();
  assert.deepEqual(states(), ['iris/1 discovered', 'iris/2 available']);
  assert.equal(registry.list()[0]?.reason, 'left out by the version policy (latest 1)');
  assert.equal(registry.lease('iris', '').manifest.version, 2);
  assert.equal(registry.describe('iris', '2').version, 2);
  assert.equal(registry.ready('iris', '2'), true);
  assert.deepEqual(registry.available('iris'), [2]);
  assert.deepEqual(registry.available('nobody'), []);
});

test('C44 an unknown model or version is NOT_FOUND, a bad version string INVALID_ARGUMENT', async () => {
  const { registry } = scripted({ all: { versionPolicy: 'all' } }, true);
  registry.aspire(found({ iris: [1, 2], all: [1, 3] }));
  await registry.settled();
  assertThrows(
    () => registry.lease('nobody', ''),
    'NOT_FOUND',
    "Request for unknown model: 'nobody' is not found",
  );
  assertThrows(
    () => registry.lease('iris', '9'),
    'NOT_FOUND',
    "Request for unknown model: 'iris' version 9 is not found",
  );
  assertThrows(
    () => registry.lease('iris', '1'),
    'NOT_FOUND',
    "Request for unknown model: 'iris' version 1 is not found (left out by the version policy (latest 1))",
  );
  for (const bad of ['two', '0', '-1', '01', '1.0', '9223372036854775808', 'x'.repeat(100_000)]) {
    const shown = bad.slice(0, 100);
    assertThrows(
      () => registry.lease('iris', bad),
      'INVALID_ARGUMENT',
      new RegExp(
        `^failed to get model version from specified version string '${shown}.*\\(details: not a positive`,
      ),
    );
    assert.equal(registry.ready('iris', bad), false);
  }
  assert.equal(registry.lease('all', '').manifest.version, 3);
  assert.equal(registry.lease('all', '1').manifest.version, 1);
});

test('C45 a name that is no legal model name is INVALID_ARGUMENT, also when a directory has it', async () => {
  const bad = ['../iris', 'a/b', '..', 'a\0b', 'x'.repeat(300), 'іris', ''];
  const problems = bad.map((model) => ({ model, version: 0, reason: 'not a legal name' }));
  const { registry, requests } = scripted({}, true);
  registry.aspire(found({}, problems));
  await registry.settled();
  for (const name of bad) {
    assertThrows(
      () => registry.lease(name, ''),
      'INVALID_ARGUMENT',
      /is not a legal name for a model: wanted 1 to 255/,
    );
    assert.equal(registry.ready(name, ''), false);
  }
  assert.equal(requests.length, 0);
  assert.equal(registry.list().length, bad.length);
});

test('a version on its way or failed is UNAVAILABLE, and says why', async () => {
  const { registry, next } = scripted();
  registry.aspire(found({ iris: [1] }));
  assertThrows(
    () => registry.lease('iris', '1'),
    'UNAVAILABLE',
    "Request for unknown model: 'iris' version 1 is not at ready state (it is loading)",
  );
  assertThrows(
    () => registry.lease('iris', ''),
    'UNAVAILABLE',
    "Request for unknown model: 'iris' has no available versions (version 1 is loading)",
  );
  (await next('prepare', 'iris/1')).fail('no opset 99');
  await registry.settled();
  assertThrows(
    () => registry.lease('iris', '1'),
    'UNAVAILABLE',
    "Request for unknown model: 'iris' version 1 is not at ready state (it is failed: no opset 99)",
  );
});

test('one broken model among good ones is listed with its reason and stops none', async () => {
  const { registry, next, bringUp, states } = scripted();
  const problems = [{ model: 'empty', version: 3, reason: 'its directory holds no model.onnx' }];
  registry.aspire(found({ a: [1], broken: [1], c: [1], refused: [1] }, problems));
  await bringUp('a/1');
  (await next('prepare', 'broken/1')).fail(`cannot parse ${'x'.repeat(900)}`);
  await bringUp('c/1');
  (await next('prepare', 'refused/1')).succeed();
  (await next('load', 'refused/1')).fail('worker says no');
  await registry.settled();
  assert.deepEqual(states(), [
    'a/1 available',
    'broken/1 failed',
    'c/1 available',
    'empty/3 failed',
    'refused/1 failed',
  ]);
  const reasons = registry.list().map(({ reason }) => reason);
  assert.match(reasons[1] as string, /^cannot parse x+…$/);
  assert.ok((reasons[1] as string).length <= 501);
  assert.equal(reasons[3], 'its directory holds no model.onnx');
  assert.equal(reasons[4], 'worker says no');
  assert.ok(registry.known('empty') && registry.known('broken') && !registry.known('nobody'));
  assertThrows(
    () => registry.lease('empty', '3'),
    'UNAVAILABLE',
    /is not at ready state .*holds no model\.onnx/,
  );
});

test('the next is prepared while the present one loads, one of each at a time', async () => {
  const { registry, pending, next } = scripted();
  registry.aspire(found({ a: [1], b: [1], c: [1] }));
  (await next('prepare', 'a/1')).succeed();
  const loadA = await next('load', 'a/1');
  (await next('prepare', 'b/1')).succeed();
  await tick();
  assert.equal(pending.load.length, 0, 'b waits for the load of a');
  assert.equal(pending.prepare.length, 0, 'c waits for its turn');
  loadA.succeed();
  const loadB = await next('load', 'b/1');
  const prepareC = await next('prepare', 'c/1');
  loadB.fail('no');
  prepareC.succeed();
  (await next('load', 'c/1')).succeed();
  await registry.settled();
  assert.deepEqual(registry.available('c'), [1]);
});

test('a thousand models come up, each once, in the order they were found', async () => {
  const names = Array.from({ length: 1000 }, (_, i) => `m${String(i).padStart(4, '0')}`);
  const { registry, trace } = scripted({}, true);
  registry.aspire(found(Object.fromEntries(names.map((name) => [name, [1]]))));
  await registry.settled();
  assert.equal(registry.list().filter(({ state }) => state === 'available').length, 1000);
  assert.deepEqual(
    trace.filter((line) => line.startsWith('load')),
    names.map((name) => `load ${name}/1`),
  );
});

test('a new version replaces the old one without a gap, and without a change of readiness', async () => {
  const { registry, next, bringUp, states } = scripted();
  const changes: string[] = [];
  registry.onChange((model) => changes.push(model));
  registry.aspire(found({ iris: [1] }));
  await bringUp('iris/1');
  assert.deepEqual(changes, ['iris']);
  registry.aspire(found({ iris: [1, 2] }));
  (await next('prepare', 'iris/2')).succeed();
  assert.equal(registry.lease('iris', '').manifest.version, 1, 'the old one answers until the new one can');
  (await next('load', 'iris/2')).succeed();
  await tick();
  assert.equal(registry.lease('iris', '').manifest.version, 2);
  assert.deepEqual(states(), ['iris/1 draining', 'iris/2 available']);
  assert.deepEqual(changes, ['iris']);
});

test('a new version that fails leaves the old one in service', async () => {
  const { registry, next, bringUp, states } = scripted();
  registry.aspire(found({ iris: [1] }));
  await bringUp('iris/1');
  registry.aspire(found({ iris: [1, 2] }));
  (await next('prepare', 'iris/2')).fail('broken');
  await registry.settled();
  assert.deepEqual(states(), ['iris/1 available', 'iris/2 failed']);
  assert.equal(registry.lease('iris', '').manifest.version, 1);
});

test('unload waits until the last lease and the last retained batch are released', async () => {
  const { registry, pending, next, bringUp, states } = scripted();
  const changes: boolean[] = [];
  registry.onChange((model) => changes.push(registry.ready(model, '')));
  registry.aspire(found({ iris: [1] }));
  await bringUp('iris/1');
  const first = registry.lease('iris', '');
  const second = registry.lease('iris', '1');
  const letGo = registry.retain(first.manifest);
  registry.aspire(found({}));
  await tick();
  assert.deepEqual(states(), ['iris/1 draining']);
  assertThrows(() => registry.lease('iris', ''), 'UNAVAILABLE', /has no available versions/);
  first.release();
  first.release();
  second.release();
  await tick();
  assert.equal(pending.unload.length, 0, 'a batch is still under way');
  letGo();
  letGo();
  const unload = await next('unload', 'iris/1');
  assertThrows(() => registry.retain(first.manifest), 'INTERNAL', /cannot retain iris\/1/);
  unload.succeed();
  await registry.settled();
  assert.deepEqual(states(), [], 'nothing is known of it any more');
  assertThrows(() => registry.lease('iris', ''), 'NOT_FOUND', /unknown model: 'iris' is not found/);
  assert.deepEqual(changes, [true, false]);
});

test('a version wanted again while it drains is taken back without a load', async () => {
  const { registry, pending, bringUp, states } = scripted();
  registry.aspire(found({ iris: [1] }));
  await bringUp('iris/1');
  const lease = registry.lease('iris', '');
  registry.aspire(found({}));
  registry.aspire(found({ iris: [1] }));
  assert.deepEqual(states(), ['iris/1 available']);
  lease.release();
  await tick();
  assert.equal(pending.unload.length + pending.prepare.length, 0);
});

test('a version no longer wanted when it is prepared never reaches the workers', async () => {
  const { registry, next, trace, states } = scripted();
  registry.aspire(found({ iris: [1], other: [1] }));
  registry.aspire(found({ other: [1] }));
  (await next('prepare', 'iris/1')).succeed();
  (await next('prepare', 'other/1')).succeed();
  (await next('load', 'other/1')).succeed();
  await registry.settled();
  assert.deepEqual(trace, ['prepare iris/1', 'prepare other/1', 'load other/1']);
  assert.deepEqual(states(), ['other/1 available']);
});

test('an unload that fails is taken for done; a version wanted again is then loaded anew', async () => {
  const { registry, next, bringUp, states } = scripted();
  registry.aspire(found({ iris: [1] }));
  await bringUp('iris/1');
  registry.aspire(found({}));
  const unload = await next('unload', 'iris/1');
  registry.aspire(found({ iris: [1] }));
  unload.fail('worker is gone');
  await bringUp('iris/1');
  await registry.settled();
  assert.deepEqual(states(), ['iris/1 available']);
});

test('a failed version is tried again when its file has changed', async () => {
  const { registry, next, bringUp } = scripted();
  registry.aspire(found({ iris: [1] }));
  (await next('prepare', 'iris/1')).fail('half copied');
  await registry.settled();
  registry.aspire(found({ iris: [1] }));
  await registry.settled();
  const changed = found({ iris: [1] });
  const [model] = changed.models as [FoundModel];
  const versions = model.versions.map((version) => ({ ...version, bytes: 20 }));
  registry.aspire({ ...changed, models: [{ ...model, versions }] });
  await bringUp('iris/1');
  assert.equal(registry.ready('iris', '1'), true);
});

test('a version that the policy names and nobody found is listed', async () => {
  const { registry } = scripted({ iris: { versionPolicy: { specific: [1, 9] } } }, true);
  registry.aspire(found({ iris: [1, 2] }));
  await registry.settled();
  assert.deepEqual(
    registry.list().map(({ version, state }) => `${version} ${state}`),
    ['1 available', '2 discovered', '9 failed'],
  );
  assert.equal(registry.list()[2]?.reason, 'named by the version policy (specific 1, 9), but not found');
});

test('a listener that throws does not harm the registry, and one taken back hears no more', async () => {
  const { registry, bringUp, states } = scripted();
  registry.onChange(() => {
    throw new Error('listener');
  });
  const heard: string[] = [];
  const stop = registry.onChange((model) => heard.push(model));
  registry.aspire(found({ a: [1], b: [1] }));
  await bringUp('a/1');
  stop();
  await bringUp('b/1');
  assert.deepEqual(states(), ['a/1 available', 'b/1 available']);
  assert.deepEqual(heard, ['a']);
});

test('close wakes who waits, and what was under way starts nothing more', async () => {
  const { registry, pending, next, trace } = scripted();
  registry.aspire(found({ a: [1], b: [1] }));
  const waiting = registry.settled();
  registry.close();
  await waiting;
  (await next('prepare', 'a/1')).succeed();
  await tick();
  assert.equal(pending.prepare.length, 0);
  assert.deepEqual(trace, ['prepare a/1']);
  await registry.settled();
});
