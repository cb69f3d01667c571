/** Time that goes wrong: an event loop that stands still, and a wall clock that jumps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import { countedRuns } from '../support/counted-runs.js';
import { letDateJump } from '../support/jumping-date.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { inferDirectly, useWaiting, waitingRow } from '../support/waiting-server.js';

const INFER = '/inference.GRPCInferenceService/ModelInfer';
const BLOCKED_MS = 2000;

function blockThisThread(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** How a call ended, and after how long. */
async function ending(call: Promise<unknown>): Promise<{ code: string; afterMs: number }> {
  const startedAt = systemClock.now();
  const code = await call.then(
    () => 'OK',
    (error: GatewayError) => error.code,
  );
  return { code, afterMs: systemClock.now() - startedAt };
}

test('D72 the event loop stands still for 2 s: deadlines are judged by the monotonic clock, no worker is taken for dead, the server goes on', async (t) => {
  const running = await useWaiting(t, { wait: { costMs: { fixed: 300 }, maxBatchSize: 1 } });
  const { gateway, address } = running;
  const client = createClient({ address });
  t.after(() => client.close());
  await client.model('wait').predict({ X: [[1, 2, 3, 4]] });

  // Two run, two wait; of each two, one has more time than the block takes.
  const overWire = client.model('wait').predict({ X: [[7, 2, 3, 4]] }, { deadlineMs: 10_000 });
  await until(() => gateway.batcher.stats().runningEntries === 1);
  const calls = [
    inferDirectly(gateway, 'wait', { deadlineMs: 1500 }),
    inferDirectly(gateway, 'wait', { deadlineMs: 1800 }),
    inferDirectly(gateway, 'wait', { deadlineMs: 10_000 }),
  ].map(ending);
  await until(() => gateway.batcher.stats().runningEntries === 2);
  blockThisThread(BLOCKED_MS);

  // The worker answered the first after 300 ms, but nobody could be told before its deadline had passed.
  const [inRun, inQueue, patient] = await Promise.all(calls);
  assert.deepEqual(
    [inRun?.code, inQueue?.code, patient?.code],
    ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', 'OK'],
  );
  assert.deepEqual((await overWire).outputs['Y']?.data, [[7, 2, 3, 4]]);
  for (const slot of gateway.pool.status()) {
    assert.equal(slot.restarts, 0);
    assert.match(slot.state, /^(ready|busy)$/);
  }
  // A block is not what a batch takes: who has time for a run is still let in, and is in time.
  const after = await Promise.all(
    [0, 1].map(() => ending(inferDirectly(gateway, 'wait', { deadlineMs: 1500 }))),
  );
  assert.deepEqual(
    after.map(({ code }) => code),
    ['OK', 'OK'],
  );
});

test('D73 Date jumps by a day to and fro at each reading, in the server and in its workers: no deadline moves', async (t) => {
  const { openChannel } = countedRuns({
    workerUrl: new URL('../support/jumping-worker.js', import.meta.url),
  });
  const running = await useWaiting(t, { wait: { costMs: { fixed: 5 } } }, {}, { openChannel });
  const { gateway, grpcPort } = running;
  const raw = new RawClient(grpcPort);
  t.after(() => raw.close());
  const date = letDateJump();
  try {
    const call = async (timeout: string) => {
      const startedAt = systemClock.now();
      const { status } = await raw.call(INFER, frame(waitingRow('wait')), { 'grpc-timeout': timeout });
      return { status, afterMs: systemClock.now() - startedAt };
    };
    assert.ok(Math.abs(Date.now() - Date.now()) > 1e8, 'the wall clock jumps');
    gateway.batcher.hold();
    const short = call('300m');
    const long = call('10S');
    await until(() => gateway.batcher.stats().entries === 2);
    const { status, afterMs } = await short;
    // 4: DEADLINE_EXCEEDED.
    assert.equal(status, 4);
    assert.ok(afterMs >= 295 && afterMs < 2000, `a deadline of 300 ms passed after ${afterMs} ms`);
    assert.equal(gateway.batcher.stats().entries, 1, 'the other one waits on');
    gateway.batcher.release();
    assert.equal((await long).status, 0);
    for (let i = 0; i < 20; i++) assert.equal((await call('5S')).status, 0);
    assert.equal(gateway.pool.status().filter(({ restarts }) => restarts > 0).length, 0);
  } finally {
    date.restore();
  }
});
