import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Channel, RunOutcome } from '../../gateway/core/channel.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { type ProcessChannelOptions, processChannels } from '../../gateway/pool/process-channel.js';

const dropped: string[] = [];
const SCRIPTED = new URL('../support/scripted-process.js', import.meta.url);

interface Context {
  after(fn: () => Promise<void>): void;
}

async function open(context: Context, options: Partial<ProcessChannelOptions> = {}): Promise<Channel> {
  dropped.length = 0;
  const channel = await processChannels({
    clock: systemClock,
    logger: silentLogger,
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

const alive = (pid: number | undefined): boolean => {
  try {
    return process.kill(pid as number, 0);
  } catch {
    return false;
  }
};

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('D69 answers of a process without a taker are counted and dropped; what fits no question, or no frame, costs the worker', async (t) => {
  const good = await open(t);
  assert.equal((await run(good, 'twice')).kind, 'success');
  assert.equal((await run(good, 'stranger')).kind, 'success');
  assert.deepEqual(dropped, ['double_answer', 'late_answer']);
  assert.equal((await run(good, 'ok')).kind, 'success');
  const rows: readonly [string, RegExp][] = [
    ['too-many', /corrupt/],
    ['too-few', /corrupt/],
    ['datatype', /corrupt/],
    ['garbage', /cannot be read: what came is no frame/],
  ];
  for (const [key, reason] of rows) {
    const channel = await open(t);
    const [first, second] = await Promise.all([run(channel, key), run(channel, 'ok')]);
    assert.ok(first.kind === 'fault' && first.started, `${key}: ${JSON.stringify(first)}`);
    assert.match(first.reason, reason, key);
    assert.ok(second.kind === 'fault' && !second.started, `${key}: the next is not to blame`);
    const exit = await channel.exited;
    assert.match(exit.reason, reason, key);
    assert.ok(!alive(channel.pid), key);
  }
});

test('D61 what was begun and what was not are told apart when a process is killed', async (t) => {
  const channel = await open(t);
  const [first, second] = [run(channel, 'hang'), run(channel, 'ok')];
  await until(() => channel.occupation !== undefined);
  assert.equal(channel.occupation?.startedAt, 5);
  process.kill(channel.pid as number, 'SIGKILL');
  const [a, b] = await Promise.all([first, second]);
  assert.deepEqual(a, { kind: 'fault', started: true, reason: 'the process was ended by SIGKILL' });
  assert.deepEqual(b, { kind: 'fault', started: false, reason: 'the process was ended by SIGKILL' });
  assert.deepEqual(await channel.exited, { expected: false, reason: 'the process was ended by SIGKILL' });
  assert.equal(channel.occupation, undefined);
  const late = await run(channel, 'ok');
  assert.ok(late.kind === 'fault' && !late.started);
  await assert.rejects(channel.unload('x'), (error: GatewayError) => error.code === 'UNAVAILABLE');
});

test('D63 a process that throws or exits says why; what it had said before counts, half an answer does not', async (t) => {
  const rows: readonly [string, string | RegExp][] = [
    ['throw', /ended with code 1: Error: a worker’s own mistake/],
    ['half-and-exit', /ended with code 4$/],
    ['answer-and-exit', 'success'],
  ];
  for (const [key, wanted] of rows) {
    const channel = await open(t);
    const outcome = await run(channel, key);
    if (typeof wanted === 'string') assert.equal(outcome.kind, wanted, key);
    else assert.ok(outcome.kind === 'fault' && outcome.started && wanted.test(outcome.reason), key);
    assert.equal((await channel.exited).expected, false);
  }
});

test('D64 a process that is stopped and given up: its runs are faults at once, and it is killed', async (t) => {
  const channel = await open(t);
  const running = run(channel, 'hang');
  await until(() => channel.occupation !== undefined);
  const { pid } = channel;
  process.kill(pid as number, 'SIGSTOP');
  const startedAt = performance.now();
  channel.abandon('it hangs');
  assert.deepEqual(await running, { kind: 'fault', started: true, reason: 'it hangs' });
  assert.ok(performance.now() - startedAt < 50, 'at once');
  assert.equal((await channel.exited).reason, 'it hangs');
  assert.ok(performance.now() - startedAt < 1000, 'it is gone soon');
  assert.ok(!alive(pid));
});

test('a process that hangs up but lives is killed', async (t) => {
  const channel = await open(t);
  const outcome = await run(channel, 'hang-up');
  assert.ok(outcome.kind === 'fault' && outcome.started);
  assert.match(outcome.reason, /SIGKILL/);
});

test('writing to a process that is gone throws nothing: its end settles what was asked', async (t) => {
  const channel = await open(t);
  process.kill(channel.pid as number, 'SIGKILL');
  const data = new Uint8Array(4 * 1024 * 1024);
  const asked = Array.from(
    { length: 5 },
    () =>
      new Promise<RunOutcome>((resolve) =>
        channel.run(
          {
            key: 'ok/1',
            inputs: [{ name: 'X', datatype: 'UINT8', shape: [data.length], data: data.slice() }],
            outputs: ['Y'],
          },
          resolve,
        ),
      ),
  );
  for (const outcome of await Promise.all(asked)) assert.ok(outcome.kind === 'fault' && !outcome.started);
});

test('D70 a process that never answers, or whose module cannot be loaded, is given up in time', async (t) => {
  await assert.rejects(open(t, { maxHeapMb: 19, startTimeoutMs: 700 }), (error: GatewayError) => {
    assert.equal(error.code, 'UNAVAILABLE');
    return /did not answer within 700 ms/.test(error.message);
  });
  await assert.rejects(
    open(t, { workerUrl: new URL('no-such-worker.js', import.meta.url) }),
    (error: GatewayError) => {
      assert.equal(error.code, 'UNAVAILABLE');
      return /ended while it started: the process ended with code 1: Error: Cannot find/.test(error.message);
    },
  );
});

test('a process that has more memory than it may is killed, and its run is a fault that names both figures', async (t) => {
  const channel = await open(t, { maxRssBytes: 150 * 1024 * 1024 });
  assert.equal((await run(channel, 'ok')).kind, 'success');
  const outcome = await run(channel, 'memory');
  assert.ok(outcome.kind === 'fault' && outcome.started);
  assert.match(outcome.reason, /^it has \d+ MiB of resident memory, at most 150 MiB are allowed$/);
  const figure = Number(/\d+/.exec(outcome.reason)?.[0]);
  assert.ok(figure > 200 && figure < 400, outcome.reason);
});

test('a process gets nothing of the environment, one line without a name, and the heap that is asked for', async (t) => {
  process.env['SECRET_OF_THE_TEST'] = 'x';
  t.after(async () => delete process.env['SECRET_OF_THE_TEST']);
  const environment = await run(await open(t, { maxHeapMb: 77 }), 'environment');
  assert.ok(environment.kind === 'fault');
  assert.match(environment.reason, /Error: ORT_DISABLE_TELEMETRY --max-old-space-size=77$/);
  const socket = await run(await open(t), 'socket');
  assert.ok(socket.kind === 'fault');
  assert.match(socket.reason, /Error: true$/);
});

test('close lets what was sent before end first; one that does not end is killed', async (t) => {
  const good = await open(t);
  const running = run(good, 'ok');
  const closing = good.close();
  assert.equal((await running).kind, 'success');
  await closing;
  assert.equal((await good.exited).expected, true);
  const bad = await open(t, { closeTimeoutMs: 100 });
  const hanging = run(bad, 'hang');
  await until(() => bad.occupation !== undefined);
  await bad.close();
  assert.equal((await hanging).kind, 'fault');
});

test('fifty processes that are killed in a row leave no process and no descriptor behind', async (t) => {
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const warm = await open(t);
  await warm.close();
  const before = descriptors();
  const pids: (number | undefined)[] = [];
  for (let i = 0; i < 50; i++) {
    const channel = await processChannels({
      clock: systemClock,
      logger: silentLogger,
      recorder: { dropped() {} },
      intraOpThreads: 1,
      maxRssBytes: 2 ** 31,
      workerUrl: SCRIPTED,
    })(0);
    pids.push(channel.pid);
    const running = run(channel, 'silent');
    process.kill(channel.pid as number, 'SIGKILL');
    assert.equal((await running).kind, 'fault');
    await channel.exited;
  }
  assert.deepEqual(pids.filter(alive), []);
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
});
