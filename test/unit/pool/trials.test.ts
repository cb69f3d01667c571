/** Versions that come out of quarantine: the worker that tries one may end, be relieved, or end of the trial itself. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { DEFAULT_CRASH_LIMITS } from '../../../gateway/pool/crash-loops.js';
import { Dispatcher } from '../../../gateway/pool/dispatcher.js';
import { Pool } from '../../../gateway/pool/pool.js';
import { FakeBatch, FakeSource, fakeManifest } from '../../support/fake-batch.js';
import { type FakeChannel, FakeWorkers, settled, workerLost } from '../../support/fake-channel.js';
import { FakeClock } from '../../support/fake-clock.js';

/** A pool that hosts `m/1` and `good/1`; two crashes are a quarantine. */
async function setUp(slots: number, spares = 0) {
  const clock = new FakeClock();
  const workers = new FakeWorkers();
  const source = new FakeSource();
  const pool = new Pool({
    slots,
    spares,
    open: workers.open,
    clock,
    random: () => 1,
    logger: silentLogger,
    recorder: { workerLost() {} },
    crashes: { ...DEFAULT_CRASH_LIMITS, crashes: 2, perWorker: 0 },
  });
  new Dispatcher({ pool, source, clock, logger: silentLogger });
  await pool.start();
  await pool.load(fakeManifest());
  await pool.load(fakeManifest('good'));
  return { clock, workers, source, pool };
}

const running = (workers: FakeWorkers): FakeChannel | undefined =>
  workers.opened.find((worker) => worker.runs.some(({ answered }) => !answered));

/** Ends workers by a batch of `m/1` until it is in quarantine; all workers are back then. */
async function quarantine({ clock, workers, source, pool }: Awaited<ReturnType<typeof setUp>>) {
  source.add(new FakeBatch());
  for (let i = 0; i < 2; i++) {
    running(workers)?.die('it crashed');
    await settled();
    clock.advance(1000);
    await settled();
  }
  assert.deepEqual(pool.quarantined, ['m/1']);
  assert.equal(pool.serves('m/1'), false);
}

test('D71 a spare takes the place of the worker that tries a version: another one tries it then', async () => {
  const pieces = await setUp(1, 1);
  const { clock, workers, source, pool } = pieces;
  await quarantine(pieces);
  clock.advance(10_000);
  await settled();
  assert.equal(pool.serves('m/1'), true, 'it is tried');
  const trying = pool.slots.find(({ live }) => live);
  workers.of(trying?.index as number).die('killed from outside, idle');
  await settled();
  assert.equal(pool.ready, 1, 'the spare is there at once');
  clock.advance(2000);
  await settled();
  const batch = source.add(new FakeBatch());
  running(workers)?.respond();
  assert.equal(batch.ends.length, 1);
  assert.deepEqual(pool.quarantined, []);
  await pool.close(1000);
});

test('D71 a trial that ends its worker in the load has failed, whatever is noticed first: the pause doubles', async () => {
  for (const order of ['the load', 'the end']) {
    const pieces = await setUp(2);
    const { clock, workers, pool } = pieces;
    await quarantine(pieces);
    workers.onLoad = async (channel, { model }) => {
      if (model !== 'm') return;
      channel.die('it crashed in the load');
      if (order === 'the end') await settled();
      throw workerLost();
    };
    clock.advance(10_000);
    for (let i = 0; i < 4; i++) await settled();
    assert.equal(pool.ready, 2, 'its successor is there');
    const refusal = pool.refusalOf('m/1');
    assert.equal(refusal?.details.retryAfterMs, 20_000, `${order} is noticed first: ${refusal?.message}`);
    workers.onLoad = async () => {};
    clock.advance(19_999);
    await settled();
    assert.equal(pool.serves('m/1'), false);
    clock.advance(1);
    await settled();
    assert.equal(pool.serves('m/1'), true);
    await pool.close(1000);
  }
});

test('D71 a version that fails to load leaves no quarantine behind: the next of that name begins anew', async () => {
  const pieces = await setUp(4);
  const { clock, workers, pool } = pieces;
  workers.onLoad = async (channel, { model }) => {
    if (model !== 'bad') return;
    await settled();
    channel.die('it crashed in the load');
    throw workerLost();
  };
  // Every worker is on its way up, and each takes the new version.
  for (const slot of [0, 1, 2, 3]) workers.of(slot).die();
  const loading = assert.rejects(pool.load(fakeManifest('bad')), { code: 'FAILED_PRECONDITION' });
  for (let i = 0; i < 20; i++) {
    await settled();
    clock.advance(1000);
  }
  await loading;
  assert.deepEqual(pool.quarantined, []);
  assert.equal(pool.ready, 4);
  workers.onLoad = async () => {};
  await pool.load(fakeManifest('bad'));
  assert.equal(pool.serves('bad/1'), true);
  await pool.close(1000);
});

test('D71 what loads anew in quarantine begins anew', async () => {
  const pieces = await setUp(2);
  const { source, workers, pool } = pieces;
  await quarantine(pieces);
  await pool.load({ ...fakeManifest(), sha256: 'a better file' });
  assert.equal(pool.serves('m/1'), true);
  const batch = source.add(new FakeBatch());
  running(workers)?.respond();
  assert.deepEqual(
    batch.ends.map((end) => (end instanceof GatewayError ? end.code : end.kind)),
    ['success'],
  );
  await pool.close(1000);
});

test('what is served is told when a spare that could not load a version takes over', async () => {
  const { pool, workers, clock } = await setUp(1, 1);
  workers.onLoad = async (channel, { model }) => {
    if (channel.slotIndex === 1 && model === 'm')
      throw new GatewayError('FAILED_PRECONDITION', "failed to load 'm/1': no memory");
  };
  workers.of(1).die();
  await settled();
  clock.advance(1000);
  await settled();
  assert.equal(pool.serves('m/1'), true);
  const told: boolean[] = [];
  pool.onServingChange(() => told.push(pool.serves('m/1')));
  workers.of(0).die();
  await settled();
  assert.equal(pool.ready, 1);
  assert.equal(told.at(-1), false);
  await pool.close(1000);
});
