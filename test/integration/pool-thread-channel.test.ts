import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel, RunOutcome } from '../../gateway/core/channel.js';
import { systemClock } from '../../gateway/core/clock.js';
import { GatewayError } from '../../gateway/core/error.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { DEFAULT_CRASH_LIMITS } from '../../gateway/pool/crash-loops.js';
import { Dispatcher } from '../../gateway/pool/dispatcher.js';
import { Pool } from '../../gateway/pool/pool.js';
import { type ThreadChannelOptions, threadChannels } from '../../gateway/pool/thread-channel.js';
import { FakeBatch, FakeSource, fakeManifest } from '../support/fake-batch.js';

const dropped: string[] = [];
const SCRIPTED = new URL('../support/scripted-worker.js', import.meta.url);

interface Context {
  after(fn: () => Promise<void>): void;
}

async function openScripted(context: Context, options: Partial<ThreadChannelOptions> = {}): Promise<Channel> {
  dropped.length = 0;
  const channel = await threadChannels({
    clock: systemClock,
    recorder: { dropped: (what) => void dropped.push(what) },
    intraOpThreads: 1,
    workerUrl: SCRIPTED,
    ...options,
  })(0);
  context.after(() => channel.close());
  return channel;
}

const run = (channel: Channel, key: string): Promise<RunOutcome> =>
  new Promise((resolve) => channel.run({ key, inputs: [], outputs: ['Y'] }, resolve));

test('D63 a worker that throws, rejects, exits or runs out of heap: its runs are faults, the process lives', async (t) => {
  const rows: readonly [string, boolean, RegExp][] = [
    ['throw', true, /mistake/],
    ['reject', false, /the task failed/],
    ['exit', true, /with code 3/],
    ['heap', true, /memory|heap/i],
  ];
  for (const [key, started, reason] of rows) {
    const channel = await openScripted(t, key === 'heap' ? { maxHeapMb: 24 } : {});
    const [first, second] = await Promise.all([run(channel, key), run(channel, 'silent')]);
    assert.ok(first.kind === 'fault', `${key}: ${JSON.stringify(first)}`);
    assert.equal(first.started, started, `${key}: whether it had started`);
    assert.match(first.reason, reason, key);
    assert.ok(second.kind === 'fault' && !second.started, `${key}: what had not started is not to blame`);
    const exit = await channel.exited;
    assert.equal(exit.expected, false);
    const after = await run(channel, 'ok');
    assert.ok(after.kind === 'fault' && !after.started, `${key}: a run after the end`);
    await assert.rejects(channel.unload('x'), (error: GatewayError) => error.code === 'UNAVAILABLE');
    await channel.close();
  }
});

test('D69 answers without a taker are counted and dropped, a corrupt one is a fault', async (t) => {
  const channel = await openScripted(t);
  assert.equal((await run(channel, 'twice')).kind, 'success');
  assert.equal((await run(channel, 'stranger')).kind, 'success');
  const corrupt = await run(channel, 'corrupt');
  assert.ok(corrupt.kind === 'fault' && corrupt.started);
  assert.deepEqual(dropped, ['double_answer', 'late_answer']);
  await channel.close();
  assert.equal((await channel.exited).expected, true);
});

test('an answer that was on its way when the worker ended counts', async (t) => {
  for (let i = 0; i < 5; i++) {
    const channel = await openScripted(t);
    const outcome = await run(channel, 'answer-and-exit');
    assert.equal(outcome.kind, 'success');
    await channel.exited;
  }
});

test('D70 a worker that never answers, or whose module cannot be loaded, is given up in time', async (t) => {
  await assert.rejects(
    openScripted(t, {
      workerUrl: new URL('../support/dumb-worker.js', import.meta.url),
      startTimeoutMs: 300,
    }),
    /did not answer within 300 ms/,
  );
  await assert.rejects(
    openScripted(t, { workerUrl: new URL('no-such-worker.js', import.meta.url) }),
    (error) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, 'UNAVAILABLE');
      assert.match(error.message, /ended while it started/);
      return true;
    },
  );
});

test('D66 a worker that spins outside of a run is ended after the close time-out, its runs being faults', async (t) => {
  const channel = await openScripted(t, { closeTimeoutMs: 100 });
  const hanging = run(channel, 'hang');
  await channel.close();
  const outcome = await hanging;
  assert.ok(outcome.kind === 'fault' && !outcome.started);
});

test('close lets what was sent before end first', async (t) => {
  const channel = await openScripted(t);
  const running = run(channel, 'ok');
  const closing = channel.close();
  assert.equal((await running).kind, 'success');
  await closing;
  const late = await run(channel, 'ok');
  assert.equal(late.kind, 'fault');
});

test('D63 real threads die under load: every batch ends once, the pool heals', async (t) => {
  const source = new FakeSource();
  const lost: string[] = [];
  const pool = new Pool({
    slots: 2,
    open: threadChannels({
      clock: systemClock,
      recorder: { dropped() {} },
      intraOpThreads: 1,
      workerUrl: SCRIPTED,
    }),
    clock: systemClock,
    random: () => 0,
    logger: silentLogger,
    recorder: { workerLost: (_, reason) => void lost.push(reason) },
    // Six deaths of one model are not a crash loop here.
    crashes: { ...DEFAULT_CRASH_LIMITS, crashes: 100 },
  });
  t.after(async () => void (await pool.close(5000)));
  const dispatcher = new Dispatcher({ pool, source, clock: systemClock, logger: silentLogger });
  await pool.start();
  for (const model of ['ok', 'exit']) await pool.load(fakeManifest(model));
  const batches = Array.from({ length: 60 }, (_, i) =>
    source.add(new FakeBatch(i % 20 === 7 ? 'exit/1' : 'ok/1')),
  );
  while (batches.some((batch) => batch.ends.length === 0))
    await new Promise((resolve) => setTimeout(resolve, 5));
  for (const batch of batches) {
    assert.equal(batch.ends.length, 1);
    const [end] = batch.ends;
    const error = end instanceof GatewayError ? end : undefined;
    assert.equal(error?.code, batch.key === 'ok/1' ? undefined : 'INTERNAL', error?.message);
    assert.equal(batch.attempts > 1, batch.key === 'exit/1');
  }
  assert.equal(lost.length, 6, 'two for each of the three batches that kill');
  dispatcher.close();
  assert.equal(await pool.close(5000), 0);
});
