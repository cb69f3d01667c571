import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { Pool } from '../../../gateway/pool/pool.js';
import { fakeManifest } from '../../support/fake-batch.js';
import { FakeWorkers, settled, workerLost } from '../../support/fake-channel.js';
import { FakeClock } from '../../support/fake-clock.js';

function setUp(slots: number) {
  const clock = new FakeClock();
  const workers = new FakeWorkers();
  const lost: string[] = [];
  const pool = new Pool({
    slots,
    open: workers.open,
    clock,
    random: () => 1,
    logger: silentLogger,
    recorder: { workerLost: (slot, reason) => void lost.push(`${slot}: ${reason}`) },
  });
  const states = (): string =>
    pool
      .status()
      .map((slot) => slot.state)
      .join();
  return { clock, workers, lost, pool, states };
}

const refusal = () => new GatewayError('FAILED_PRECONDITION', "failed to load 'm/1': bad operator");

test('all slots start and are ready, and the number in rotation is told', async () => {
  const { pool, states, workers } = setUp(3);
  const told: number[] = [];
  const stop = pool.onReadyChange((ready) => told.push(ready));
  await pool.start();
  assert.equal(states(), 'ready,ready,ready');
  assert.deepEqual(told, [1, 2, 3]);
  workers.of(1).die();
  assert.equal(pool.ready, 3, 'a death is known when the worker has ended');
  await settled();
  assert.deepEqual(told, [1, 2, 3, 2, 3], 'replaced at once');
  stop();
  workers.of(0).die();
  await settled();
  assert.equal(told.length, 5);
  assert.equal(await pool.close(1000), 0);
  assert.equal(states(), 'stopped,stopped,stopped');
});

test('a version is loaded on one worker after the other, and by a worker that comes up later before it joins', async () => {
  const { pool, workers, states } = setUp(2);
  await pool.start();
  let loading = 0;
  let most = 0;
  workers.onLoad = async () => {
    most = Math.max(most, ++loading);
    await settled();
    loading--;
  };
  await Promise.all([pool.load(fakeManifest('m', 1)), pool.load(fakeManifest('m', 2))]);
  assert.equal(most, 1);
  assert.deepEqual(workers.of(0).loaded, ['m/1', 'm/2']);
  assert.deepEqual(workers.of(1).loaded, ['m/1', 'm/2']);
  const release: (() => void)[] = [];
  workers.onLoad = () => new Promise((resolve) => release.push(resolve));
  workers.of(0).die();
  await settled();
  assert.equal(states(), 'warming,ready', 'not in rotation while it warms');
  // A third version arrives while it warms: the live worker takes it first, the new one before it joins.
  const third = pool.load(fakeManifest('m', 3));
  for (let i = 0; i < 4; i++) {
    await settled();
    release.splice(0).forEach((next) => {
      next();
    });
  }
  await third;
  await settled();
  assert.equal(states(), 'ready,ready');
  assert.deepEqual(workers.of(0).loaded, ['m/1', 'm/2', 'm/3']);
  await pool.unload('m/2');
  assert.deepEqual(workers.of(0).loaded, ['m/1', 'm/3']);
  assert.deepEqual(workers.of(1).loaded, ['m/1', 'm/3']);
  await pool.close(1000);
});

test('a load that one worker refuses is rolled back on all, and not tried by the next worker', async () => {
  const { pool, workers } = setUp(2);
  await pool.start();
  workers.onLoad = async (channel) => {
    if (channel.slotIndex === 1) throw refusal();
  };
  await assert.rejects(pool.load(fakeManifest()), /failed to load 'm\/1': bad operator/);
  assert.deepEqual(workers.of(0).loaded, []);
  workers.onLoad = async () => assert.fail('it is not hosted');
  workers.of(0).die();
  await settled();
  assert.equal(pool.ready, 2);
  await pool.close(1000);
});

test('a failed reload leaves the former manifest in place', async () => {
  const { pool, workers } = setUp(2);
  await pool.start();
  await pool.load(fakeManifest());
  const loads: string[] = [];
  workers.onLoad = async (channel, manifest) => {
    loads.push(`${channel.slotIndex}:${manifest.sha256}`);
    if (channel.slotIndex === 1) throw refusal();
  };
  await assert.rejects(pool.load({ ...fakeManifest(), sha256: 'new' }), /failed to load/);
  assert.deepEqual(loads, ['0:new', '1:new', '0:']);
  assert.ok(pool.slots.every((slot) => slot.holds('m/1')));
  await pool.close(1000);
});

test('a version that kills the worker that loads it costs that version only', async () => {
  const { pool, workers, states } = setUp(2);
  await pool.start();
  workers.onLoad = async (channel) => {
    // As a thread does it: the calls fail first, the end of the thread is seen a moment later.
    void settled().then(() => channel.die('heap limit'));
    throw workerLost();
  };
  await assert.rejects(pool.load(fakeManifest()), (error: GatewayError) => {
    assert.equal(error.code, 'FAILED_PRECONDITION');
    assert.match(error.message, /failed to load 'm\/1'/);
    return true;
  });
  await settled();
  await settled();
  assert.equal(states(), 'ready,ready');
  assert.equal(workers.opened.length, 3);
  await pool.close(1000);
});

test('a version is not to blame when its worker dies of something else before it comes to the load', async () => {
  for (const slots of [1, 2]) {
    const { pool, workers } = setUp(slots);
    await pool.start();
    let deaths = 0;
    workers.onLoad = async (channel) => {
      if (deaths++ > 0) return;
      channel.die('a run killed it');
      throw new GatewayError('UNAVAILABLE', 'the worker ended', { reason: 'no_worker' });
    };
    await pool.load(fakeManifest('m', 2));
    await settled();
    assert.deepEqual(
      pool.slots.map((slot) => slot.holds('m/2')),
      pool.slots.map(() => true),
    );
    await pool.close(1000);
  }
});

test('a load waits for a worker when none is in rotation, and not for ever', async () => {
  const { pool, workers, clock, states } = setUp(1);
  workers.onOpen = async () => {
    throw new GatewayError('UNAVAILABLE', 'no thread');
  };
  await pool.start();
  let ended: unknown;
  const failing = pool.load(fakeManifest()).catch((error: unknown) => {
    ended = error;
  });
  await settled();
  assert.equal(ended, undefined);
  // The clock moves on in steps, so that each retry gets its turn.
  for (let i = 0; i < 121; i++) {
    clock.advance(1000);
    await settled();
  }
  await failing;
  assert.match(String(ended), /no worker came up within 120000 ms/);
  workers.onOpen = async () => {};
  const second = pool.load(fakeManifest('m', 2));
  clock.advance(10_000);
  await second;
  assert.deepEqual(workers.of(0).loaded, ['m/2'], 'the one that failed is not hosted');
  assert.equal(states(), 'ready');
  await pool.close(1000);
});

test('D70 a worker that never becomes ready is tried again, with growing pauses that a run resets', async () => {
  const { pool, workers, clock, lost, states } = setUp(1);
  let opens = 0;
  workers.onOpen = async () => {
    opens++;
    throw new GatewayError('UNAVAILABLE', 'the worker did not answer within 30000 ms');
  };
  await pool.start();
  await settled();
  // First death: again at once. Then 100, 200, 400 ms (random is 1: the whole of each).
  assert.equal(opens, 2);
  for (const [pauseMs, expected] of [
    [99, 2],
    [1, 3],
    [199, 3],
    [1, 4],
    [399, 4],
    [1, 5],
  ] as const) {
    clock.advance(pauseMs);
    await settled();
    assert.equal(opens, expected, `after ${pauseMs} ms`);
  }
  assert.equal(states(), 'cooling');
  assert.equal(lost.length, 5);
  workers.onOpen = async () => {};
  clock.advance(800);
  await settled();
  assert.equal(states(), 'ready');
  // It has run nothing yet and dies at once: still the same trouble.
  workers.of(0).die();
  await settled();
  assert.equal(states(), 'cooling');
  clock.advance(1600);
  await settled();
  pool.slots[0]?.run({ key: 'm/1', inputs: [], outputs: [] }, () => {});
  workers.of(0).respond();
  workers.of(0).die();
  await settled();
  assert.equal(states(), 'ready', 'a run that succeeded resets the pause');
  await pool.close(1000);
  assert.equal(clock.pendingTimers, 0);
});

test('close waits for runs, ends what is cooling, and tells of a worker that does not end', async () => {
  const { pool, workers, clock, states } = setUp(3);
  await pool.start();
  workers.onOpen = async () => {
    throw new GatewayError('UNAVAILABLE', 'no thread');
  };
  workers.of(2).die();
  await settled();
  assert.equal(states(), 'ready,ready,cooling');
  let answered = false;
  pool.slots[0]?.run({ key: 'm/1', inputs: [], outputs: [] }, () => {
    answered = true;
  });
  pool.slots[1]?.run({ key: 'm/1', inputs: [], outputs: [] }, () => assert.fail('it is wedged'));
  const closed = pool.close(1000);
  await settled();
  workers.of(0).respond();
  assert.ok(answered);
  await settled();
  clock.advance(1000);
  assert.equal(await closed, 1);
  assert.equal(states(), 'stopped,stopped,stopped');
  assert.equal(clock.pendingTimers, 0);
  await assert.rejects(pool.load(fakeManifest()), /shutting down/);
});
