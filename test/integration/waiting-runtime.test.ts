import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createClient, SluiceClientError } from '../../client/client.js';
import { Cancellation } from '../../gateway/core/cancellation.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import type { Gateway } from '../../gateway/gateway.js';
import { commandOf, type FaultKind } from '../../worker/waiting-faults.js';
import { startServerProcess } from '../support/server-process.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

function repository(t: TestContext, spec: object): string {
  return makeRepository(t, { 'wait/1/model.wait.json': Buffer.from(JSON.stringify(spec)) });
}

function call(gateway: Gateway, first: number, deadlineMs = 10_000) {
  const now = systemClock.now();
  const data = new Uint8Array(Float32Array.of(first, 2, 3, 4).buffer);
  return gateway.infer({
    model: 'wait',
    version: '',
    id: '',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }],
    outputs: [],
    parameters: new Map(),
    deadline: now + deadlineMs,
    cancellation: new Cancellation(),
    arrivedAt: now,
  });
}

test('without the flag it is listed with the flag’s name, and cannot be called', async (t) => {
  const { gateway } = await useGateway(t, { modelRepository: [repository(t, {})] });
  const [line] = gateway.catalog.list();
  assert.match(line?.reason ?? '', /--enable-waiting-runtime/);
  await assert.rejects(call(gateway, 1), (error: GatewayError) => /NOT_FOUND|UNAVAILABLE/.test(error.code));
});

test('eight workers wait at once, whatever the cores', async (t) => {
  const { gateway } = await useGateway(t, {
    modelRepository: [repository(t, { costMs: { fixed: 150 }, maxBatchSize: 1 })],
    workers: { count: 8, enableWaitingRuntime: true },
  });
  const startedAt = systemClock.now();
  const results = await Promise.all(Array.from({ length: 8 }, (_, i) => call(gateway, i)));
  const tookMs = systemClock.now() - startedAt;
  // One after the other they would take 1200 ms.
  assert.ok(tookMs >= 150 && tookMs < 600, `${tookMs} ms`);
  for (const [i, result] of results.entries())
    assert.deepEqual(
      new Float32Array(new Uint8Array(result.outputs[0]?.data ?? []).buffer),
      Float32Array.of(i, 2, 3, 4),
    );
});

for (const kind of ['throw', 'exit', 'allocate'] as const satisfies readonly FaultKind[])
  test(`told to ${kind}, a worker ends alone: the call fails, the next one is served`, async (t) => {
    const { gateway } = await useGateway(t, {
      modelRepository: [repository(t, { costMs: { fixed: 1 } })],
      workers: { count: 2, enableWaitingRuntime: true },
    });
    await assert.rejects(call(gateway, commandOf(kind)), /the request has ended 2 workers/);
    const { outputs } = await call(gateway, 7);
    assert.equal(outputs[0]?.name, 'Y');
  });

test('told to reject, the model refuses that row and no other, and no worker ends', async (t) => {
  const { gateway } = await useGateway(t, {
    modelRepository: [repository(t, { costMs: { fixed: 1 } })],
    workers: { count: 1, enableWaitingRuntime: true },
  });
  gateway.batcher.hold();
  const good = call(gateway, 1);
  const bad = call(gateway, commandOf('reject'));
  gateway.batcher.release();
  await assert.rejects(bad, { code: 'INTERNAL' });
  assert.equal((await good).outputs[0]?.name, 'Y');
  assert.equal(gateway.pool.status()[0]?.restarts, 0);
});

/** A server in a process of its own, and a call with a command on its way to it. */
async function commanded(t: TestContext, kind: FaultKind, deadlineMs: number) {
  const server = await startServerProcess({
    args: ['--model-repository', repository(t, {}), '--enable-waiting-runtime', '--exit-timeout-secs', '1'],
  });
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}` });
  try {
    const answer = client.model('wait').predict({ X: [[commandOf(kind), 0, 0, 0]] }, { deadlineMs });
    await assert.rejects(answer, SluiceClientError);
  } finally {
    client.close();
  }
  return server.stop();
}

for (const [kind, signal] of [
  ['abort', 'SIGABRT'],
  ['kill', 'SIGKILL'],
] as const)
  test(`told to ${kind}, a worker thread takes the server with it`, async (t) => {
    assert.equal((await commanded(t, kind, 5_000)).signal, signal);
  });

for (const kind of ['hang', 'hang-native'] as const)
  test(`told to ${kind}, a worker never answers; its server ends all the same, by a kill`, async (t) => {
    const startedAt = systemClock.now();
    assert.equal((await commanded(t, kind, 300)).signal, 'SIGKILL');
    // Its own: the one of `stop` comes after 20 s.
    assert.ok(systemClock.now() - startedAt < 15_000);
  });
