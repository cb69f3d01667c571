import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { silentLogger } from '../../../gateway/core/logger.js';
import { Dispatcher } from '../../../gateway/pool/dispatcher.js';
import { Pool } from '../../../gateway/pool/pool.js';
import { FakeBatch, FakeSource, fakeManifest } from '../../support/fake-batch.js';
import { FakeWorkers, settled } from '../../support/fake-channel.js';
import { FakeClock } from '../../support/fake-clock.js';

async function setUp(slots: number, soon?: (dispatch: () => void) => void) {
  const clock = new FakeClock();
  const workers = new FakeWorkers();
  const source = new FakeSource();
  const recorder = { workerLost() {} };
  const pool = new Pool({
    slots,
    open: workers.open,
    clock,
    random: () => 1,
    logger: silentLogger,
    recorder,
  });
  const dispatcher = new Dispatcher({ pool, source, clock, logger: silentLogger, ...(soon && { soon }) });
  await pool.start();
  await pool.load(fakeManifest());
  return { clock, workers, source, pool, dispatcher };
}

const failed = (batch: FakeBatch): GatewayError => {
  assert.equal(batch.ends.length, 1);
  assert.ok(batch.ends[0] instanceof GatewayError);
  return batch.ends[0];
};

test('work-conserving: a free worker and a batch meet at once, one batch a worker', async () => {
  const { workers, source, pool } = await setUp(2);
  const batches = [1, 2, 3].map(() => source.add(new FakeBatch()));
  assert.deepEqual(
    batches.map((batch) => batch.gathers),
    [1, 1, 0],
  );
  assert.equal(source.queue.length, 1, 'the third stays with the batcher, open');
  workers.of(1).respond();
  assert.deepEqual(
    batches.map((batch) => batch.gathers),
    [1, 1, 1],
  );
  assert.equal(workers.of(1).runs.length, 2);
  workers.of(0).respond();
  workers.of(1).respond();
  assert.deepEqual(
    batches.map((batch) => batch.ends.length),
    [1, 1, 1],
  );
  assert.equal(
    pool
      .status()
      .map((slot) => slot.state)
      .join(),
    'ready,ready',
  );
  await pool.close(1000);
});

test('the next batch is sent before the last one is handed back: the worker never waits for the gateway', async () => {
  const { workers, source, pool } = await setUp(1);
  const order: string[] = [];
  class Noted extends FakeBatch {
    override gather() {
      order.push('gather');
      return super.gather();
    }
    override complete() {
      order.push('complete');
    }
  }
  source.add(new Noted());
  source.add(new Noted());
  workers.of(0).respond();
  assert.deepEqual(order, ['gather', 'gather', 'complete']);
  workers.of(0).respond();
  await pool.close(1000);
});

test('a batch that nobody waits for is not run, and the next one takes its place', async () => {
  const { workers, source, pool } = await setUp(1);
  const running = source.add(new FakeBatch());
  const left = new FakeBatch();
  left.abandoned = true;
  source.add(left);
  const next = source.add(new FakeBatch());
  workers.of(0).respond();
  assert.equal(left.ends.length, 0);
  assert.equal(next.gathers, 1);
  workers.of(0).respond();
  assert.deepEqual([running.ends.length, next.ends.length], [1, 1]);
  await pool.close(1000);
});

test('a worker that dies in a batch: it runs once more, on another worker, and is answered once', async () => {
  const { workers, source, pool } = await setUp(2);
  const batch = source.add(new FakeBatch());
  const other = source.add(new FakeBatch());
  const first = workers.of(0);
  first.die();
  await settled();
  assert.equal(batch.attempts, 1);
  // Slot 0 has a successor by now, but the batch need not wait for it: whoever is free first, not the dead one.
  assert.notEqual(workers.of(0), first);
  assert.equal(batch.gathers, 2);
  assert.equal(workers.of(0).runs.length, 1);
  workers.of(0).respond();
  workers.of(1).respond();
  assert.deepEqual([batch.ends.length, other.ends.length], [1, 1]);
  assert.equal(batch.ends[0] && 'kind' in batch.ends[0] && batch.ends[0].kind, 'success');
  await pool.close(1000);
});

test('a worker whose answer is nonsense does not get the batch again while another lives', async () => {
  const { workers, source, pool } = await setUp(2);
  const batch = source.add(new FakeBatch());
  const liar = workers.of(0);
  liar.answer({ kind: 'fault', started: true, reason: 'the answer is corrupt' });
  assert.equal(liar.runs.length, 1);
  assert.equal(workers.of(1).runs.length, 1);
  await settled();
  assert.ok(liar.closed, 'and it is replaced');
  assert.notEqual(workers.of(0), liar);
  workers.of(1).respond();
  assert.equal(batch.ends.length, 1);
  await pool.close(1000);
});

test('a batch that was with a dying worker but had not started does not count the attempt', async () => {
  const { workers, source, pool } = await setUp(1);
  const batch = source.add(new FakeBatch());
  workers.of(0).answer({ kind: 'fault', started: false, reason: 'gone' });
  await settled();
  assert.equal(batch.attempts, 0);
  workers.of(0).respond();
  assert.equal(batch.ends.length, 1);
  await pool.close(1000);
});

test('D62 a request in which two workers died is to blame: INTERNAL, reason poison', async () => {
  const { workers, source, pool, clock } = await setUp(1);
  const batch = source.add(new FakeBatch());
  workers.of(0).die();
  await settled();
  workers.of(0).die('out of memory');
  await settled();
  const error = failed(batch);
  assert.equal(error.code, 'INTERNAL');
  assert.equal(error.details.reason, 'poison');
  assert.match(error.message, /ended 2 workers.*out of memory/);
  clock.advance(100);
  await settled();
  assert.equal(pool.ready, 1);
  await pool.close(1000);
});

test('D62 a batch of several requests in which two workers died is split, once', async () => {
  const { workers, source, pool } = await setUp(1);
  const batch = source.add(new FakeBatch());
  batch.requests = 3;
  workers.of(0).die();
  await settled();
  workers.of(0).die();
  await settled();
  assert.deepEqual([batch.splits, batch.ends.length, batch.gathers], [1, 0, 2]);
  await pool.close(1000);
});

test('faults beyond the first of each batch come out of a budget', async () => {
  const { workers, source, pool, clock } = await setUp(1);
  /** How a batch ends that two workers die with before they have begun it. */
  const outcome = async (): Promise<string | undefined> => {
    const batch = source.add(new FakeBatch());
    for (let death = 0; death < 2; death++) {
      workers.of(0).answer({ kind: 'fault', started: false, reason: 'gone' });
      await settled();
      clock.advance(10_000);
      await settled();
    }
    if (batch.ends.length === 0) workers.of(0).respond();
    const [end] = batch.ends;
    return end instanceof GatewayError ? end.details.reason : end?.kind;
  };
  for (let i = 0; i < 8; i++) assert.equal(await outcome(), 'success', `batch ${i}`);
  const later: (string | undefined)[] = [];
  for (let i = 0; i < 20; i++) later.push(await outcome());
  assert.ok(later.includes('worker_fault'), 'at last the budget is spent');
  await pool.close(1000);
});

test('all workers dead: a batch waits for the first successor', async () => {
  const { workers, source, pool, clock, dispatcher } = await setUp(2);
  const batch = source.add(new FakeBatch('m/1', clock.now() + 5000));
  workers.onOpen = async () => {
    throw new GatewayError('UNAVAILABLE', 'no thread');
  };
  workers.of(1).die();
  workers.of(0).die();
  await settled();
  assert.equal(pool.ready, 0);
  assert.equal(dispatcher.waiting, 1);
  const behind = source.add(new FakeBatch());
  clock.advance(99);
  await settled();
  assert.equal(batch.ends.length, 0);
  workers.onOpen = async () => {};
  clock.advance(200);
  await settled();
  assert.equal(dispatcher.waiting, 0);
  // The slot that died first is the first to be back, and what waited longest is the first to run.
  workers.of(1).respond();
  assert.deepEqual([batch.ends.length, behind.ends.length], [1, 0]);
  workers.of(0).respond();
  assert.equal(behind.ends.length, 1);
  await pool.close(1000);
  assert.equal(clock.pendingTimers, 0);
});

test('all workers dead: a batch waits no longer than its callers do, nor without bound', async () => {
  const { workers, source, pool, clock } = await setUp(2);
  workers.onOpen = async () => {
    throw new GatewayError('UNAVAILABLE', 'no thread');
  };
  const soon = source.add(new FakeBatch('m/1', clock.now() + 500));
  const never = source.add(new FakeBatch());
  workers.of(0).die();
  workers.of(1).die();
  await settled();
  clock.advance(499);
  assert.equal(soon.ends.length, 0);
  clock.advance(1);
  assert.equal(failed(soon).code, 'UNAVAILABLE');
  clock.advance(60_000);
  assert.match(failed(never).message, /no worker was there in time/);
  await pool.close(1000);
});

test('a fault after the last deadline is not retried', async () => {
  const { workers, source, pool, clock } = await setUp(2);
  const batch = source.add(new FakeBatch('m/1', clock.now() + 10));
  clock.advance(11);
  workers.of(0).die();
  await settled();
  assert.equal(failed(batch).code, 'UNAVAILABLE');
  assert.equal(workers.of(1).runs.length, 0);
  await pool.close(1000);
});

test('a batch for a version that this worker could not load goes to one that could', async () => {
  const { workers, source, pool } = await setUp(2);
  workers.onLoad = async (channel, manifest) => {
    if (channel.slotIndex === 0 && manifest.version === 1)
      throw new GatewayError('FAILED_PRECONDITION', "failed to load 'm/1': no memory");
  };
  workers.of(0).die();
  await settled();
  assert.equal(pool.ready, 2);
  // Many: the worker that is free all the time must not take what it cannot run, only to give it up.
  const batches = Array.from({ length: 50 }, () => source.add(new FakeBatch()));
  assert.equal(workers.of(0).runs.length, 0);
  assert.equal(source.queue.length, 49, 'the others stay with the batcher, open');
  for (const batch of batches) {
    workers.of(1).respond();
    assert.deepEqual(
      batch.ends.map((end) => 'kind' in end && end.kind),
      ['success'],
    );
  }
  await pool.close(1000);
});

test('a worker that loads a version gets no batch until it is done', async () => {
  const { workers, source, pool } = await setUp(1);
  let release = (): void => {};
  workers.onLoad = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const loading = pool.load(fakeManifest('m', 2));
  await settled();
  const batch = source.add(new FakeBatch());
  assert.equal(batch.gathers, 0, 'it stays open in the gateway');
  release();
  await loading;
  assert.equal(batch.gathers, 1);
  workers.of(0).respond();
  await pool.close(1000);
});

test('a batch whose gathering throws fails alone', async () => {
  const { workers, source, pool } = await setUp(1);
  class Broken extends FakeBatch {
    override gather(): never {
      throw new Error('a bug');
    }
  }
  const broken = source.add(new Broken());
  const next = source.add(new FakeBatch());
  assert.equal(failed(broken).code, 'INTERNAL');
  workers.of(0).respond();
  assert.equal(next.ends.length, 1);
  await pool.close(1000);
});

test('close: what waits for a worker fails as draining, what runs still ends', async () => {
  const { workers, source, pool, dispatcher, clock } = await setUp(2);
  workers.onOpen = async () => {
    throw new GatewayError('UNAVAILABLE', 'no thread');
  };
  const waits = source.add(new FakeBatch());
  const runs = source.add(new FakeBatch());
  workers.of(0).answer({ kind: 'fault', started: true, reason: 'x' });
  await settled();
  assert.equal(dispatcher.waiting, 1, 'the other worker is busy');
  dispatcher.close();
  assert.equal(failed(waits).details.reason, 'draining');
  const closed = pool.close(1000);
  workers.of(1).respond();
  assert.equal(await closed, 0);
  assert.equal(runs.ends.length, 1);
  assert.equal(clock.pendingTimers, 0);
});

test('soon: work that arrives together is looked at once, later; a worker that becomes free takes what waits at once', async () => {
  const pending: (() => void)[] = [];
  const { workers, source, pool } = await setUp(1, (dispatch) => pending.push(dispatch));
  const batches = [1, 2].map(() => source.add(new FakeBatch()));
  assert.equal(pending.length, 1, 'asked once for both');
  assert.equal(batches[0]?.gathers, 0);
  pending.shift()?.();
  assert.deepEqual(
    batches.map((batch) => batch.gathers),
    [1, 0],
  );
  workers.of(0).respond();
  assert.equal(batches[1]?.gathers, 1);
  source.add(new FakeBatch());
  assert.equal(pending.length, 1, 'asked anew for what came after');
  pending.shift()?.();
  workers.of(0).respond();
  workers.of(0).respond();
  await pool.close(1000);
});

test('work that comes while another slot is given some is not missed', async () => {
  const { workers, source } = await setUp(2);
  const late = new FakeBatch();
  const first = new FakeBatch();
  const take = source.take.bind(source);
  let asked = 0;
  // There is nothing for the first slot; while the second is served, something comes for it.
  source.take = (runs) => (++asked === 1 ? undefined : take(runs));
  first.gather = () => {
    source.add(late);
    return { key: first.key, inputs: [], outputs: ['Y'] };
  };
  source.add(first);
  assert.equal(late.gathers, 1);
  assert.equal(workers.of(0).runs.length, 1);
});
