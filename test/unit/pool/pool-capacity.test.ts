/** Spares, resizing, and versions in quarantine: what is in rotation, and what is served. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { Dispatcher } from '../../../gateway/pool/dispatcher.js';
import { Pool } from '../../../gateway/pool/pool.js';
import { FakeBatch, FakeSource, fakeManifest } from '../../support/fake-batch.js';
import { FakeWorkers, settled } from '../../support/fake-channel.js';
import { FakeClock } from '../../support/fake-clock.js';

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
  });
  const dispatcher = new Dispatcher({ pool, source, clock, logger: silentLogger });
  await pool.start();
  await pool.load(fakeManifest());
  const states = (): string =>
    pool
      .status()
      .map(({ index, state }) => `${index} ${state}`)
      .join();
  return { clock, workers, source, pool, dispatcher, states };
}

const codeOf = (batch: FakeBatch): string | undefined => {
  const [end] = batch.ends;
  return end instanceof GatewayError ? `${end.code} ${end.details.reason}` : end?.kind;
};

test('a spare is warm and gets no work, until a worker fails: it takes its place in the same turn', async () => {
  const { pool, workers, source, states } = await setUp(2, 1);
  assert.equal(states(), '0 ready,1 ready,2 standby');
  assert.deepEqual([pool.ready, pool.wanted], [2, 2]);
  assert.deepEqual(workers.of(2).loaded, ['m/1']);
  const batches = [1, 2, 3].map(() => source.add(new FakeBatch()));
  assert.equal(workers.of(2).runs.length, 0);
  workers.of(0).die();
  assert.equal(workers.of(2).runs.length, 1, 'the batch of the dead one');
  await settled();
  assert.equal(states(), '0 standby,1 busy,2 busy');
  assert.equal(pool.ready, 2);
  workers.of(1).respond();
  workers.of(2).respond();
  for (const slot of [1, 2])
    if (workers.of(slot).runs.some(({ answered }) => !answered)) workers.of(slot).respond();
  assert.deepEqual(batches.map(codeOf), ['success', 'success', 'success']);
  await pool.load(fakeManifest('n'));
  assert.ok(workers.of(0).loaded.includes('n/1'), 'a spare loads what comes');
  await pool.close(1000);
});

test('resize: new workers join when they are warm; those that are too many end what they have first, and none fails', async () => {
  const { pool, workers, source, states } = await setUp(1);
  const batches = [1, 2, 3].map(() => source.add(new FakeBatch()));
  await pool.resize(3);
  assert.equal(states(), '0 busy,1 busy,2 busy');
  assert.deepEqual(workers.of(2).loaded, ['m/1']);
  const smaller = pool.resize(1);
  assert.equal(pool.ready, 1);
  const late = source.add(new FakeBatch());
  await settled();
  assert.equal(pool.slots.length, 3, 'they are busy yet');
  for (const slot of [2, 1]) workers.of(slot).respond();
  await smaller;
  assert.equal(states(), '0 busy');
  workers.of(0).respond();
  workers.of(0).respond();
  assert.deepEqual([...batches, late].map(codeOf), ['success', 'success', 'success', 'success']);
  await assert.rejects(pool.resize(0), { code: 'INVALID_ARGUMENT' });
  await pool.resize(2);
  assert.equal(states(), '0 ready,3 ready');
  await pool.close(1000);
});

test('resize: a worker that does not work goes before one that does', async () => {
  const { pool, workers, states } = await setUp(2);
  workers.onOpen = async () => {
    throw new GatewayError('UNAVAILABLE', 'no thread');
  };
  workers.of(0).die();
  await settled();
  assert.match(states(), /^0 cooling,1 ready$/);
  await pool.resize(1);
  assert.equal(states(), '1 ready');
  await pool.close(1000);
});

test('resize: a worker that is on its way out counts no more, whatever happens to those that stay', async () => {
  const { pool, workers, states, clock } = await setUp(4);
  let release = (): void => {};
  workers.onLoad = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  workers.of(1).die();
  await settled();
  assert.equal(states(), '0 ready,1 warming,2 ready,3 ready');
  const smaller = pool.resize(3);
  await settled();
  assert.equal(states(), '0 ready,1 stopped,2 ready,3 ready', 'its load ends first');
  const lastLoad = release;
  workers.of(2).die();
  await settled();
  assert.equal(states(), '0 ready,1 stopped,2 warming,3 ready');
  const again = pool.resize(3);
  await settled();
  assert.equal(states(), '0 ready,1 stopped,2 warming,3 ready', 'the one that starts anew stays');
  lastLoad();
  release();
  await Promise.all([smaller, again]);
  await settled();
  clock.advance(10_000);
  await settled();
  assert.equal(states(), '0 ready,2 ready,3 ready');
  await assert.rejects(pool.resize(1025), { code: 'INVALID_ARGUMENT' });
  await pool.close(1000);
});

test('D71 a version that ends every worker is quarantined; others are served; it is tried again, and is back when it works', async () => {
  const { pool, workers, source, clock } = await setUp(2);
  await pool.load(fakeManifest('good'));
  let told = 0;
  pool.onServingChange(() => told++);
  for (let i = 0; i < 5; i++) {
    const bad = source.add(new FakeBatch());
    workers.opened.find((worker) => worker.runs.some(({ answered }) => !answered))?.die('it crashed');
    await settled();
    clock.advance(1000);
    await settled();
    // It is tried once more on another worker, which dies as well, and is to blame then.
    if (bad.ends.length === 0)
      workers.opened.find((worker) => worker.runs.some(({ answered }) => !answered))?.die('it crashed');
    await settled();
    clock.advance(1000);
    await settled();
  }
  assert.deepEqual(pool.quarantined, ['m/1']);
  assert.ok(told > 0);
  assert.deepEqual([pool.serves('m/1'), pool.serves('good/1')], [false, true]);
  const refused = source.add(new FakeBatch());
  assert.equal(codeOf(refused), 'FAILED_PRECONDITION quarantined');
  assert.equal(refused.gathers, 0);
  const good = source.add(new FakeBatch('good/1'));
  workers.opened.find((worker) => worker.runs.some(({ answered }) => !answered))?.respond();
  assert.equal(codeOf(good), 'success');

  clock.advance(400_000);
  await settled();
  assert.equal(pool.serves('m/1'), true, 'one worker tries it');
  const tried = [source.add(new FakeBatch()), source.add(new FakeBatch())];
  assert.deepEqual(
    tried.map(({ gathers }) => gathers),
    [1, 0],
    'the other worker does not',
  );
  workers.opened.find((worker) => worker.runs.some(({ answered }) => !answered))?.respond();
  await settled();
  assert.deepEqual(pool.quarantined, []);
  assert.equal(tried[1]?.gathers, 1);
  workers.opened.find((worker) => worker.runs.some(({ answered }) => !answered))?.respond();
  await settled();
  for (const slot of pool.slots) assert.ok(slot.holds('m/1'), 'all have it again');
  await pool.close(1000);
});

test('a version that ends workers while they load it keeps no worker from coming up for the others', async () => {
  const { pool, workers, clock } = await setUp(1);
  await pool.load(fakeManifest('good'));
  workers.onLoad = async (channel, manifest) => {
    if (manifest.model !== 'm') return;
    channel.die('it crashed in the load');
    throw new GatewayError('UNAVAILABLE', 'the worker ended', { reason: 'worker_fault' });
  };
  workers.of(0).die();
  for (let i = 0; i < 8 && pool.quarantined.length === 0; i++) {
    await settled();
    clock.advance(3000);
  }
  clock.advance(3000);
  await settled();
  assert.deepEqual(pool.quarantined, ['m/1']);
  assert.deepEqual([pool.ready, pool.serves('good/1'), pool.serves('m/1')], [1, true, false]);
  await pool.close(1000);
});
