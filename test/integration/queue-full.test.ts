import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, type SluiceClientError } from '../../client/client.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';
import { inferDirectly, useWaiting, waitingRow } from '../support/waiting-server.js';

/** Each bound on what may wait, set so that three calls of one row fit and a fourth does not. */
const BOUNDS: readonly [string, Settings][] = [
  ['rows in the queue', { queue: { maxQueueRows: 3 } }],
  ['calls in flight', { queue: { maxCallsInFlight: 3 } }],
];

for (const [bound, settings] of BOUNDS) {
  test(`a full server, by ${bound}: the next call is refused with a time to come back, those that wait are answered`, async (t) => {
    const { gateway, address } = await useGateway(t, { modelRepository: [EXAMPLES], ...settings });
    const client = createClient({ address });
    t.after(() => client.close());
    const iris = client.model('iris');
    await iris.metadata();
    const row = { X: [[5.1, 3.5, 1.4, 0.2]] };
    gateway.batcher.hold();
    const waiting = [iris.predict(row), iris.predict(row), iris.predict(row)];
    while (gateway.batcher.stats().entries < 3) await new Promise((resolve) => setImmediate(resolve));
    await assert.rejects(iris.predict(row), (error: SluiceClientError) => {
      assert.equal(error.code, 'UNAVAILABLE');
      assert.ok((error.retryAfterMs as number) > 0, `come back after ${error.retryAfterMs} ms`);
      return true;
    });
    assert.equal(gateway.batcher.stats().entries, 3);
    gateway.batcher.release();
    for (const { version } of await Promise.all(waiting)) assert.equal(version, '2');
    assert.equal((await iris.predict(row)).version, '2');
  });
}

test('F96 a full queue while the server drains: UNAVAILABLE to the end, and those that wait are answered', async (t) => {
  const { gateway, grpcPort } = await useWaiting(
    t,
    { wait: { costMs: { fixed: 5 } } },
    { queue: { maxQueueRows: 3 }, server: { drainDelayMs: 200 } },
  );
  const raw = new RawClient(grpcPort);
  t.after(() => raw.close());
  const call = () => raw.call('/inference.GRPCInferenceService/ModelInfer', frame(waitingRow('wait')));
  gateway.batcher.hold();
  const waiting = [call(), call(), call()];
  while (gateway.batcher.stats().entries < 3) await new Promise((resolve) => setImmediate(resolve));
  const stopping = gateway.stop();
  while (gateway.phase !== 'draining') await new Promise((resolve) => setImmediate(resolve));
  const full = await call();
  assert.equal(full.status, 14, full.message);
  assert.match(full.message, /queue of model 'wait' version 1 is full/);
  // Past the delay the connection is told to go away, and takes no new call; within the process nothing changes.
  await new Promise((resolve) => setTimeout(resolve, 300));
  await assert.rejects(async () => call(), { code: 'ERR_HTTP2_GOAWAY_SESSION' });
  await assert.rejects(inferDirectly(gateway, 'wait'), { code: 'UNAVAILABLE' });
  gateway.batcher.release();
  for (const { status, message } of await Promise.all(waiting)) assert.equal(status, 0, message);
  assert.deepEqual(await stopping, { callsCut: 0, workersLeft: 0 });
});
