/** Quotas of callers, on the real server. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeInfer, inferRequest, OIP_INFER } from '../../bench/targets/oip.js';
import { frame, type RawAnswer, RawClient } from '../support/raw-grpc.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';

const data = new Uint8Array(Float32Array.of(5.1, 3.5, 1.4, 0.2).buffer);
const row = frame(
  encodeInfer(inferRequest('iris', '', [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }])),
);

test('F92 one caller at 10x its quota: RESOURCE_EXHAUSTED for it alone, with push-back', async (t) => {
  const callers = { metadataKey: 'x-tenant', rowsPerSec: 40, burstMs: 250 };
  const { grpcPort } = await useGateway(t, { modelRepository: [EXAMPLES], callers });
  const client = new RawClient(grpcPort);
  t.after(() => client.close());
  const answers = { A: [] as RawAnswer[], B: [] as RawAnswer[] };
  const send = async (tenant: 'A' | 'B'): Promise<void> => {
    answers[tenant].push(await client.call(OIP_INFER, row, { 'x-tenant': tenant }));
  };
  const startedAt = performance.now();
  const sent: Promise<void>[] = [];
  // Every 50 ms 20 rows of A, which is 10x its quota, and one of B, which is half.
  for (let i = 0; i < 20; i++) {
    for (let j = 0; j < 20; j++) sent.push(send('A'));
    sent.push(send('B'));
    await sleep(50);
  }
  await Promise.all(sent);
  const secs = (performance.now() - startedAt) / 1000;

  assert.deepEqual(
    answers.B.map(({ status }) => status),
    Array.from({ length: 20 }, () => 0),
  );
  const served = answers.A.filter(({ status }) => status === 0).length;
  const refused = answers.A.filter(({ status }) => status === 8);
  assert.equal(served + refused.length, 400);
  // A burst of 10 rows, and 40 rows/s.
  assert.ok(served <= 10 + 40 * secs + 1, `${served} rows in ${secs} s`);
  assert.ok(served >= 30, `${served} rows in ${secs} s`);
  for (const { headers, message } of refused) {
    const pushbackMs = Number(headers['grpc-retry-pushback-ms']);
    assert.ok(pushbackMs >= 1 && pushbackMs <= 25, `${pushbackMs}`);
    assert.ok(headers['grpc-status-details-bin'] !== undefined);
    assert.match(message, /^caller 'A' has spent its quota of 40 rows\/s/);
  }
});

test('a caller’s name is bounded, and callers without one are one caller', async (t) => {
  const callers = { metadataKey: 'x-tenant', rowsPerSec: 1, burstMs: 2000 };
  const { grpcPort, httpPort } = await useGateway(t, { modelRepository: [EXAMPLES], callers });
  const client = new RawClient(grpcPort);
  t.after(() => client.close());
  const long = await client.call(OIP_INFER, row, { 'x-tenant': 'x'.repeat(200) });
  assert.deepEqual([long.status, long.message.includes("'x-tenant'")], [3, true]);
  const statuses: (number | undefined)[] = [];
  for (let i = 0; i < 3; i++) statuses.push((await client.call(OIP_INFER, row)).status);
  assert.deepEqual(statuses, [0, 0, 8]);
  assert.equal((await client.call(OIP_INFER, row, { 'x-tenant': 'caller-7' })).status, 0);
  const metrics = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  assert.match(metrics, /sluice_requests_refused_total\{model="iris",version="2",reason="quota"\} 1\n/);
  assert.doesNotMatch(metrics, /caller-7/);
});

test('named callers’ shares decide whose rows run first when both wait', async (t) => {
  const named = { A: { share: 4 } };
  const { gateway, grpcPort } = await useGateway(t, {
    modelRepository: [EXAMPLES],
    models: { iris: { maxBatchSize: 5 } },
    workers: { count: 1 },
    callers: { metadataKey: 'x-tenant', named },
  });
  const client = new RawClient(grpcPort);
  t.after(() => client.close());
  const order: string[] = [];
  const send = async (tenant: string): Promise<void> => {
    const { status } = await client.call(OIP_INFER, row, { 'x-tenant': tenant });
    order.push(status === 0 ? tenant : `${tenant}!${status}`);
  };
  gateway.batcher.hold();
  const sent = [...'BBBBBBBBAAAAAAAA'].map(send);
  while (gateway.batcher.stats().entries < 16) await new Promise((resolve) => setImmediate(resolve));
  gateway.batcher.release();
  await Promise.all(sent);
  // By their coming all of B's would be first; of equal callers A, who came last, would be the last to be done.
  assert.deepEqual(order.slice(-3), ['B', 'B', 'B'], order.join(''));
});
