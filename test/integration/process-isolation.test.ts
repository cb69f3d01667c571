/** The real worker as a process, alone and in the whole server. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../client/client.js';
import type { Channel, OpenChannel } from '../../gateway/core/channel.js';
import { systemClock } from '../../gateway/core/clock.js';
import { GatewayError } from '../../gateway/core/error.js';
import { silentLogger } from '../../gateway/core/logger.js';
import type { Manifest } from '../../gateway/core/manifest.js';
import type { Tensor } from '../../gateway/core/tensor.js';
import type { Gateway } from '../../gateway/gateway.js';
import { processChannels } from '../../gateway/pool/process-channel.js';
import { threadChannels } from '../../gateway/pool/thread-channel.js';
import { prepareModel } from '../../worker/prepare-model.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { gatherModel, identityModel, readStringsModel } from '../support/onnx-model.js';
import { startServerProcess } from '../support/server-process.js';
import { EXAMPLES, makeRepository } from '../support/use-gateway.js';
import { inferDirectly, useWaiting } from '../support/waiting-server.js';
import { fp32, fp32Values, modelRequest, runOn, temporaryDirectory } from '../support/worker-kits.js';

const options = {
  clock: systemClock,
  logger: silentLogger,
  recorder: { dropped: () => assert.fail('each answer has its taker') },
  intraOpThreads: 1,
};
const KINDS: readonly OpenChannel[] = [threadChannels(options), processChannels(options)];

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const alive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** A process that is dead but not yet waited for by its parent is no more, either. */
const runs = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

const pidsOf = (gateway: Gateway): number[] => gateway.pool.status().flatMap(({ pid }) => pid ?? []);

test('processes answer as threads do: a real model, strings, megabytes, nothing at all, and what is refused', async (t) => {
  const prepared = async (bytes: Uint8Array, version: number): Promise<Manifest> =>
    prepareModel(await modelRequest(await temporaryDirectory(t), bytes, { version }));
  const iris = await prepared(readFileSync(join(EXAMPLES, 'iris/1/model.onnx')), 1);
  const wide = await prepared(identityModel('FP32', ['N', 4096]), 2);
  const text = await prepared(readStringsModel(['N']), 3);
  const gather = await prepared(gatherModel(), 4);
  const strings = Uint8Array.from(Buffer.from('\x02\x00\x00\x00\xc3\xa9\x00\x00\x00\x00', 'latin1'));
  const noise = (rows: number): Tensor => ({
    name: 'X',
    datatype: 'FP32',
    shape: [rows, 4096],
    data: new Uint8Array(randomBytes(rows * 4096 * 4)),
  });
  const index = (value: bigint): Tensor => ({
    name: 'I',
    datatype: 'INT64',
    shape: [1, 1],
    data: new Uint8Array(BigInt64Array.of(value).buffer),
  });
  const cases: readonly (readonly [Manifest, Tensor])[] = [
    [iris, fp32('X', [3, 4], [5.1, 3.5, 1.4, 0.2, 6.2, 2.9, 4.3, 1.3, 7.7, 3, 6.1, 2.3])],
    [wide, noise(1)],
    [wide, noise(0)],
    [wide, noise(600)],
    [text, { name: 'X', datatype: 'BYTES', shape: [2], data: strings }],
    [text, { name: 'X', datatype: 'BYTES', shape: [1], data: Uint8Array.of(9, 0, 0, 0) }],
    [gather, index(3n)],
    [gather, index(99n)],
    [{ ...gather, version: 9 }, index(3n)],
  ];
  const answers = await Promise.all(
    KINDS.map(async (open) => {
      const channel: Channel = await open(0);
      t.after(() => channel.close());
      for (const manifest of [iris, wide, text, gather]) await channel.load(manifest);
      await assert.rejects(channel.load({ ...iris, version: 7, preparedPath: '/no/such/file.onnx' }), {
        code: 'FAILED_PRECONDITION',
      });
      await channel.unload('m/4');
      await channel.load(gather);
      // All of them at once: large ones wait for room in the socket, and none overtakes another.
      return Promise.all(
        cases.map(async ([manifest, input]) => {
          const outcome = await runOn(channel, manifest, [{ ...input, data: input.data.slice() }]);
          if (outcome.kind === 'rejected') return [outcome.error.code, outcome.error.message];
          assert.ok(outcome.kind === 'success');
          assert.ok(outcome.endedAt >= outcome.startedAt && outcome.endedAt <= systemClock.now());
          for (const { data } of outcome.outputs) assert.equal(data.byteLength, data.buffer.byteLength);
          return outcome.outputs;
        }),
      );
    }),
  );
  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual((answers[1]?.[3] as Tensor[] | undefined)?.[0]?.data, cases[3]?.[1].data);
});

const PROCESSES = { workers: { isolation: 'process' as const } };

test('D61 a worker process that is killed mid-batch: the batch runs on another, and nobody notices', async (t) => {
  const { gateway } = await useWaiting(t, { wait: { costMs: { fixed: 200 } } }, PROCESSES);
  const pids = pidsOf(gateway);
  assert.equal(pids.length, 2);
  const calls = [1, 2, 3].map((first) => inferDirectly(gateway, 'wait', { first }));
  await until(() => gateway.pool.status().some(({ state }) => state === 'busy'));
  await new Promise((resolve) => setTimeout(resolve, 50));
  const busy = gateway.pool.status().find(({ state }) => state === 'busy');
  process.kill(busy?.pid as number, 'SIGKILL');
  for (const [i, { outputs }] of (await Promise.all(calls)).entries()) {
    assert.equal(fp32Values(outputs[0])[0], i + 1);
  }
  await until(() => gateway.pool.status().every(({ state }) => state === 'ready'));
  assert.equal(pidsOf(gateway).filter((pid) => pids.includes(pid)).length, 1);
});

test('D61 the last worker process is killed: the batch waits for its successor', async (t) => {
  const { gateway } = await useWaiting(
    t,
    { wait: { costMs: { fixed: 200 } } },
    { workers: { ...PROCESSES.workers, count: 1 } },
  );
  const call = inferDirectly(gateway, 'wait');
  await until(() => gateway.pool.status()[0]?.state === 'busy');
  process.kill(pidsOf(gateway)[0] as number, 'SIGKILL');
  assert.equal((await call).outputs.length, 1);
});

test('D63 what a model does to its process, abort and native death included, ends neither the server nor other calls', async (t) => {
  const { gateway } = await useWaiting(t, { wait: { costMs: { fixed: 5 }, maxBatchSize: 1 } }, PROCESSES);
  for (const kind of ['throw', 'exit', 'allocate', 'abort', 'kill'] as const) {
    const guilty = inferDirectly(gateway, 'wait', { first: commandOf(kind), deadlineMs: 30_000 });
    const others = [1, 2, 3].map(() => inferDirectly(gateway, 'wait', { deadlineMs: 30_000 }));
    await assert.rejects(guilty, (error) => {
      assert.ok(error instanceof GatewayError, kind);
      assert.deepEqual([error.code, error.details.reason], ['INTERNAL', 'poison'], kind);
      return true;
    });
    await Promise.all(others);
  }
});

test('signals to the whole group, as a terminal sends them, are left to the server: workers end their runs', async (t) => {
  const { gateway } = await useWaiting(t, { wait: { costMs: { fixed: 100 } } }, PROCESSES);
  const pids = pidsOf(gateway);
  const calls = [1, 2].map(() => inferDirectly(gateway, 'wait'));
  for (const pid of pids) for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(pid, signal);
  await Promise.all(calls);
  await inferDirectly(gateway, 'wait');
  assert.deepEqual(pidsOf(gateway), pids);
});

test('a server that is killed leaves no worker behind, not even one that hangs in native code', async (t) => {
  const wait = Buffer.from(JSON.stringify({ costMs: { fixed: 5 }, faults: [] }));
  const server = await startServerProcess({
    args: [
      ...['--model-repository', makeRepository(t, { 'wait/1/model.wait.json': wait })],
      ...['--worker-isolation', 'process', '--workers', '2', '--enable-waiting-runtime'],
      ...['--worker-hang-timeout-ms', '60000', '--server-supervise', 'off'],
    ],
  });
  t.after(() => server.stop());
  const children = childrenOf(server.pid);
  assert.ok(children.length >= 2, `${children.length} children`);
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}` });
  t.after(() => client.close());
  const hanging = client.model('wait').predict({ X: [[commandOf('hang-native'), 2, 3, 4]] });
  hanging.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, 500));
  process.kill(server.pid, 'SIGKILL');
  const startedAt = performance.now();
  await until(() => !children.some(runs));
  assert.ok(performance.now() - startedAt < 3000);
  await assert.rejects(hanging);
});

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => alive(pid) && runs(pid) && parentOf(pid) === parent);
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
}

test('D64 a worker process that is stopped in a run: the watchdog kills it after its limit, the batch runs on another, a successor comes', async (t) => {
  const { gateway } = await useWaiting(
    t,
    { wait: { costMs: { fixed: 100 }, maxBatchSize: 1 } },
    { workers: { count: 2, isolation: 'process', hangTimeoutMs: 600 } },
  );
  const calls = [1, 2].map((first) => inferDirectly(gateway, 'wait', { first, deadlineMs: 10_000 }));
  while (gateway.batcher.stats().runningEntries < 2) await new Promise((resolve) => setImmediate(resolve));
  const [frozen] = gateway.pool.status();
  await sleep(20);
  process.kill(frozen?.pid as number, 'SIGSTOP');
  const startedAt = systemClock.now();
  await Promise.all(calls);
  const tookMs = systemClock.now() - startedAt;
  assert.ok(tookMs > 400 && tookMs < 2500, `answered after ${tookMs} ms`);
  while (gateway.pool.status().some(({ state }) => state !== 'ready')) await sleep(20);
  const [successor] = gateway.pool.status();
  assert.equal(successor?.restarts, 1);
  assert.notEqual(successor?.pid, frozen?.pid);
});

test('D64 a worker process that is stopped while it is idle never begins the next batch: it is killed, and the batch runs on another', async (t) => {
  const { gateway } = await useWaiting(
    t,
    { wait: { costMs: { fixed: 5 }, maxBatchSize: 1 } },
    { workers: { count: 2, isolation: 'process', hangTimeoutMs: 300 } },
  );
  await inferDirectly(gateway, 'wait');
  const [frozen] = gateway.pool.status();
  process.kill(frozen?.pid as number, 'SIGSTOP');
  await Promise.all([1, 2, 3].map((first) => inferDirectly(gateway, 'wait', { first, deadlineMs: 5000 })));
  while (gateway.pool.status().some(({ state }) => state !== 'ready')) await sleep(20);
  assert.notEqual(gateway.pool.status()[0]?.pid, frozen?.pid);
});
