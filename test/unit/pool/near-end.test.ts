import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../../gateway/core/logger.js';
import { Pool } from '../../../gateway/pool/pool.js';
import { fakeManifest } from '../../support/fake-batch.js';
import { FakeWorkers, settled } from '../../support/fake-channel.js';
import { FakeClock } from '../../support/fake-clock.js';

const COMMAND = { key: 'm/1', inputs: [], outputs: ['y'] };

/** One slot that holds a version, and how often it was told to be free. */
async function setUp() {
  const clock = new FakeClock();
  const workers = new FakeWorkers();
  const pool = new Pool({
    slots: 1,
    open: workers.open,
    clock,
    random: () => 1,
    logger: silentLogger,
    recorder: { workerLost: () => {} },
  });
  await pool.start();
  await pool.load(fakeManifest('m', 1));
  const [slot] = pool.slots;
  assert.ok(slot);
  let freed = 0;
  pool.onFree = () => {
    if (slot.free) freed++;
  };
  return { clock, slot, worker: () => workers.of(0), freed: () => freed };
}

test('a worker is free for one batch more when its run is about to end, and not before', async () => {
  const { clock, slot, worker, freed } = await setUp();
  slot.run({ ...COMMAND, expectedMs: 100 }, () => {});
  clock.advance(94);
  assert.equal(slot.free, false);
  clock.advance(1);
  assert.equal(slot.free, true);
  assert.equal(freed(), 1);
  slot.run({ ...COMMAND, expectedMs: 100 }, () => {});
  clock.advance(1000);
  assert.equal(slot.free, false, 'the second waits in the worker: a third does not');
  worker().respond();
  assert.equal(slot.free, false, 'the second has just begun');
  clock.advance(95);
  assert.equal(slot.free, true);
  worker().respond();
  assert.equal(slot.free, true);
  assert.equal(slot.state, 'ready');
});

test('short runs, and those of which nothing is known, are waited for', async () => {
  const { clock, slot, worker } = await setUp();
  for (const expectedMs of [4.9, undefined]) {
    slot.run({ ...COMMAND, ...(expectedMs !== undefined && { expectedMs }) }, () => {});
    clock.advance(1000);
    assert.equal(slot.free, false, String(expectedMs));
    worker().respond();
    assert.equal(slot.free, true);
  }
  // The hang watch looks once more, and then not until something runs.
  clock.advance(200);
  assert.equal(clock.pendingTimers, 0);
});

test('a worker that dies with two batches fails both, and its successor starts afresh', async () => {
  const { clock, slot, worker } = await setUp();
  const ends: string[] = [];
  slot.run({ ...COMMAND, expectedMs: 100 }, ({ kind }) => void ends.push(`first ${kind}`));
  clock.advance(95);
  slot.run({ ...COMMAND, expectedMs: 100 }, ({ kind }) => void ends.push(`second ${kind}`));
  worker().die();
  await settled();
  assert.deepEqual(ends, ['first fault', 'second fault']);
  assert.equal(slot.state, 'ready');
  assert.equal(slot.free, true);
  assert.equal(slot.outstanding, 0);
});
