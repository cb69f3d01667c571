/** Versions that take more than they may while they are prepared: nothing but themselves has to bear it. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createClient } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import { GatewayError } from '../../gateway/core/error.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { Preparer, type PreparerOptions } from '../../gateway/pool/preparer.js';
import { FakeClock } from '../support/fake-clock.js';
import { putVersion, until, verifiedLoad } from '../support/model-changes.js';
import {
  addModel,
  endlessModel,
  identityModel,
  matMulModel,
  memoryBombModel,
  rowBombModel,
} from '../support/onnx-model.js';
import { startServerProcess } from '../support/server-process.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';
import { modelRequest, temporaryDirectory } from '../support/worker-kits.js';

const MIB = 2 ** 20;

function newPreparer(t: TestContext, options: Partial<PreparerOptions> = {}): Preparer {
  const preparer = new Preparer({ clock: systemClock, logger: silentLogger, ...options });
  t.after(() => preparer.close());
  return preparer;
}

const exhausted = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GatewayError);
  assert.equal(error.code, 'RESOURCE_EXHAUSTED', error.message);
  assert.match(error.message, /^failed to load model 'm' version 1: /);
  assert.match(error.message, message);
  return true;
};

test('E82 a preparation that takes more memory than it may is ended, whether it is seen or meets the hard limit', async (t) => {
  const by = newPreparer(t, { maxBytes: 400 * MIB });
  const bomb = await modelRequest(await temporaryDirectory(t), memoryBombModel(500 * MIB), {
    configuration: { inputs: [], outputs: [], parameters: {}, runtime: { memoryArena: false } },
  });
  await assert.rejects(by.prepare(bomb), exhausted(/took more than 419430400 bytes of memory/));
  const greater = await modelRequest(await temporaryDirectory(t), memoryBombModel(3000 * MIB));
  await assert.rejects(by.prepare(greater), exhausted(/no memory was left while it was prepared/));
  // What the failures leave behind is nobody else's: this one needs most of what is allowed.
  const large = await modelRequest(await temporaryDirectory(t), memoryBombModel(250 * MIB));
  await by.prepare(large);
});

test('E82 a batch of golden lines that finds no memory is not taken for a whim of the model, though one by one they pass', async (t) => {
  const by = newPreparer(t, { maxBytes: 600 * MIB });
  const directory = await temporaryDirectory(t);
  const request = await modelRequest(directory, rowBombModel(10 * MIB));
  assert.equal((await by.prepare(request)).batchCheck, 'verified', 'what is tried without them does fit');
  const row = [[1, 2, 3, 4]];
  const line = `${JSON.stringify({ inputs: { X: row }, outputs: { Y: row } })}\n`;
  writeFileSync(join(directory, 'golden.jsonl'), line.repeat(128));
  await assert.rejects(by.prepare(request), exhausted(/no memory was left while it was prepared/));
});

test('a preparation is watched for its own time only, and one whose child has no /proc is not', async (t) => {
  const childUrl = new URL('../support/fragile-child.js', import.meta.url);
  const clock = new FakeClock();
  let status = 'VmHWM: \t 90000 kB\nVmRSS: \t 90000 kB';
  const by = newPreparer(t, { clock, childUrl, maxBytes: 100_000 * 1024, statusOf: () => status });
  const request = (model: string) =>
    modelRequest('/tmp', new Uint8Array(0), { model, modelPath: `${directory}/none` });
  const directory = await temporaryDirectory(t);
  await by.prepare(await request('ok'));
  status = 'VmHWM: \t 200000 kB\nVmRSS: \t 90000 kB';
  clock.advance(1000);
  const hanging = by.prepare(await request('hang'));
  clock.advance(25);
  await assert.rejects(hanging, /took more than 102400000 bytes/);
  status = '';
  const unseen = by.prepare(await request('hang'));
  clock.advance(59_999);
  clock.advance(1);
  await assert.rejects(unseen, /longer than 60000 ms/);
});

test('what a version takes in memory is measured: its weights once settled, and more on the way', async (t) => {
  const by = newPreparer(t);
  const small = await by.prepare(await modelRequest(await temporaryDirectory(t), identityModel()));
  assert.ok(small.memory && small.memory.sessionBytes < 8 * MIB, JSON.stringify(small.memory));
  const bytes = matMulModel(2500);
  for (let i = 0; i < 2; i++) {
    const { memory } = await by.prepare(await modelRequest(await temporaryDirectory(t), bytes));
    assert.ok(memory !== undefined);
    assert.ok(
      memory.sessionBytes >= bytes.length && memory.sessionBytes < 3 * bytes.length,
      JSON.stringify({ i, memory, bytes: bytes.length }),
    );
    assert.ok(memory.peakBytes >= memory.sessionBytes);
  }
  const runs = await by.prepare(await modelRequest(await temporaryDirectory(t), memoryBombModel(100 * MIB)));
  assert.ok((runs.memory?.peakBytes ?? 0) > 95 * MIB, JSON.stringify(runs.memory));
});

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}

test('E82 a memory bomb fails by itself: the server takes under 20 MB more, and no call of another model fails', async (t) => {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const server = await startServerProcess({
    args: [
      ...['--model-repository', repository, '--repository-poll-secs', '1', '--workers', '1'],
      ...['--prepare-memory-bytes', String(600 * MIB)],
    ],
  });
  t.after(() => server.stop());
  const address = `127.0.0.1:${server.grpcPort}`;
  const client = createClient({ address });
  t.after(() => client.close());
  while (!(await client.modelReady('add'))) await new Promise((resolve) => setTimeout(resolve, 50));
  const load = verifiedLoad(t, address, 'add', []);
  load.allow(1, 1);
  const most = async (ended: () => boolean | Promise<boolean>): Promise<number> => {
    let bytes = 0;
    while (!(await ended())) {
      bytes = Math.max(bytes, rssOf(server.pid));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return bytes;
  };
  const stop = performance.now() + 4000;
  const before = await most(() => performance.now() > stop);
  mkdirSync(join(repository, 'bomb'));
  putVersion(repository, 'bomb/1', memoryBombModel(3000 * MIB));
  let reason = '';
  const during = await most(async () => {
    const bomb = (await client.models()).find(({ name }) => name === 'bomb');
    if (bomb?.state === 'UNAVAILABLE') reason = bomb.reason;
    return reason !== '';
  });
  await load.stop();
  assert.match(reason, /memory/);
  assert.deepEqual(load.failures, []);
  t.diagnostic(`server: ${before / MIB} MiB before, ${during / MIB} MiB at most while the bomb was prepared`);
  assert.ok(during - before < 20e6, `${before} before, ${during} at most`);
});

test('a version that wedges fails by its time, where such operators are allowed at all; another one serves on', async (t) => {
  const repository = makeRepository(t, {
    'add/1/model.onnx': addModel(1),
    'endless/1/model.onnx': endlessModel(),
    'refused/1/model.onnx': endlessModel(),
  });
  const { gateway, address } = await useGateway(t, {
    modelRepository: [repository],
    workers: { count: 1 },
    prepareTimeoutSecs: 3,
    models: { endless: { allowLoops: true } },
  });
  const load = verifiedLoad(t, address, 'add', []);
  load.allow(1, 1);
  await gateway.settled();
  await load.stop();
  assert.deepEqual(load.failures, []);
  const reasons = Object.fromEntries(gateway.catalog.list().map(({ model, reason }) => [model, reason]));
  assert.match(reasons['endless'] ?? '', /preparing it took longer than 3000 ms/);
  assert.match(
    reasons['refused'] ?? '',
    /it has the operator Loop, which may never end: allow it with allowLoops/,
  );
  assert.equal(reasons['add'], '');
});

test('what is loaded counts: versions that are kept are given up for a new one, the oldest first, and what does not fit is refused with the figures', async (t) => {
  // Each takes 20 to 40 MiB.
  const layer = matMulModel(2200);
  const repository = makeRepository(t, { 'mm/1/model.onnx': layer });
  const serverMib = process.memoryUsage.rss() / MIB;
  const running = await useGateway(
    t,
    {
      modelRepository: [repository],
      workers: { count: 1 },
      keepPrevious: 20,
      memoryLimitBytes: Math.round(((serverMib + 150) * MIB) / 0.9),
    },
    { watch: { pollMs: 40, confirmMs: 20 } },
  );
  const { gateway, address, httpPort } = running;
  const states = (): string[] =>
    gateway.catalog.list().map(({ model, version, state }) => `${model}/${version} ${state}`);
  const arrives = (wanted: string) =>
    until(
      () => states().includes(wanted),
      () => JSON.stringify(gateway.catalog.list()),
    );
  const { memory } = gateway.catalog.describe('mm', '1');
  assert.ok(memory !== undefined && memory.sessionBytes >= layer.length);
  let newest = 1;
  while (!states().includes('mm/1 unloaded')) {
    assert.ok(newest < 15, states().join(', '));
    putVersion(repository, `mm/${++newest}`, layer);
    await arrives(`mm/${newest} available`);
  }
  assert.ok(newest > 2);
  assert.equal(states()[newest - 2], `mm/${newest - 1} available`, 'no more than is needed');
  const large = newest + 1;
  putVersion(repository, `mm/${large}`, matMulModel(6000));
  await arrives(`mm/${large} failed`);
  const { reason = '' } = gateway.catalog.list().find(({ version }) => version === large) ?? {};
  assert.match(
    reason,
    /it needs \d+ MiB of memory \(1 x .*\d+ MiB are in use, and of \d+ MiB \(memoryLimitBytes\)/,
  );
  t.diagnostic(`${memory.sessionBytes / MIB} MiB each; ${states().join(', ')}; ${reason}`);
  assert.equal(states()[newest - 1], `mm/${newest} available`);

  const client = createClient({ address });
  t.after(() => client.close());
  const told = await client.modelMemory();
  const version = String(newest);
  const bytes = gateway.catalog.describe('mm', version).memory?.sessionBytes;
  assert.equal(told.get(`mm/${version}`), bytes);
  assert.ok(!told.has('mm/1'));
  const page = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  assert.match(page, new RegExp(`sluice_model_memory_bytes{model="mm",version="${version}"} ${bytes}\n`));
});
