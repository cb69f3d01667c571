/** What is open when a server is told to go must not keep it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { frame, RawClient } from '../support/raw-grpc.js';
import { startServerProcess } from '../support/server-process.js';

const GRACE_SECS = 3;

test('G101 SIGTERM with an open watch, idle connections and a stream that never ends: exit 0 in the time that is set', async (t) => {
  const server = await startServerProcess({
    args: ['examples', '--exit-timeout-secs', `${GRACE_SECS}`],
    supervised: true,
  });
  t.after(() => server.stop());
  const client = new RawClient(server.grpcPort);
  t.after(() => client.close());
  const idle = connect(server.grpcPort, '127.0.0.1').on('error', () => {});
  t.after(() => idle.destroy());
  await once(idle, 'connect');
  const idleHttp2 = new RawClient(server.grpcPort);
  t.after(() => idleHttp2.close());
  await once(idleHttp2.session, 'remoteSettings');

  const watch = client.open('/grpc.health.v1.Health/Watch').on('error', () => {});
  watch.end(frame(Buffer.alloc(0)));
  await once(watch, 'data');
  // A message of 1000 bytes, one every 50 ms: it would take until long after.
  const stream = client.open('/inference.GRPCInferenceService/ModelStreamInfer').on('error', () => {});
  const message = frame(Buffer.alloc(1000));
  let sent = 0;
  const dribble = setInterval(() => {
    if (stream.writable) stream.write(message.subarray(sent, ++sent));
  }, 50);
  t.after(() => clearInterval(dribble));
  await sleep(200);

  const startedAt = performance.now();
  assert.deepEqual(await server.stop(), { code: 0, signal: null }, server.output());
  const ms = performance.now() - startedAt;
  t.diagnostic(`ended after ${ms.toFixed(0)} ms of ${GRACE_SECS * 1000}`);
  assert.ok(ms < GRACE_SECS * 1000 + 1000, `${ms} ms`);
});
