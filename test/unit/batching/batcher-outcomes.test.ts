import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunCommand } from '../../../gateway/core/channel.js';
import { GatewayError } from '../../../gateway/core/error.js';
import { echo, flush, manifestOf, NOTHING_LEFT, Rig, rejected, values } from './rig.js';

/** A worker that refuses any batch with a negative value in it. */
function picky(command: RunCommand): ReturnType<typeof echo> | ReturnType<typeof rejected> {
  return values(command.inputs[0]).some((x) => x < 0) ? rejected() : echo(command);
}

test('a rejected batch is halved until only the guilty entry fails', async () => {
  for (const guilty of [[0], [7], [3, 4], [0, 1, 2, 3, 4, 5, 6, 7], []]) {
    const rig = new Rig();
    rig.batcher.hold();
    const requests = Array.from({ length: 8 }, (_, i) =>
      rig.submit({ rows: [[guilty.includes(i) ? -1 : i]] }),
    );
    rig.batcher.release();
    const sizes = await rig.runAll(picky);
    for (const [i, request] of requests.entries()) {
      assert.equal(request.state, guilty.includes(i) ? 'INVALID_ARGUMENT' : 'OK');
      if (!guilty.includes(i)) assert.deepEqual(request.answer, [i]);
    }
    if (guilty.length === 1) assert.equal(sizes.length, 7, 'log2(8) rounds of two, after the first');
    assert.ok(sizes.length <= 15);
    assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
  }
});

test('the halves of a rejected batch run before anything that waits, and are announced', async () => {
  const rig = new Rig();
  const manifest = manifestOf({ maxBatchSize: 2 });
  rig.submit({ rows: [[1]], manifest, inMs: 900 });
  rig.submit({ rows: [[2]], manifest, inMs: 900 });
  const { batch } = rig.run();
  rig.submit({ rows: [[3]], manifest, inMs: 10 });
  const before = rig.signals;
  batch.complete(rejected());
  assert.equal(rig.signals, before + 1);
  assert.equal(rig.batcher.stats().runningEntries, 2);
  const order: number[] = [];
  await rig.runAll((command) => {
    order.push(...values(command.inputs[0]));
    return echo(command);
  });
  assert.deepEqual(order, [1, 2, 3]);
});

test('who leaves before the halves run is not run', async () => {
  const rig = new Rig();
  const requests = [1, 2, 3].map((value) => rig.submit({ rows: [[value]], inMs: 50 }));
  rig.run().batch.complete(rejected());
  requests[2]?.cancellation.cancel();
  assert.deepEqual(await rig.runAll(), [2]);
  assert.deepEqual(
    requests.map((request) => request.state),
    ['OK', 'OK', 'CANCELLED'],
  );
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a survivor of a rejected batch is run alone: the guilty one may be gone', async () => {
  const rig = new Rig();
  const guilty = rig.submit({ rows: [[-1]] });
  const innocent = rig.submit({ rows: [[2]] });
  const { batch, command } = rig.run();
  guilty.cancellation.cancel();
  batch.complete(picky(command));
  assert.deepEqual(await rig.runAll(picky), [1]);
  assert.deepEqual([guilty.state, innocent.state], ['CANCELLED', 'OK']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a batch whose worker failed is gathered again, from the bytes that were kept', async () => {
  const rig = new Rig();
  const first = rig.submit({ rows: [[1]] });
  const second = rig.submit({ rows: [[2]] });
  const { batch, command } = rig.run();
  echo(command); // The worker had taken the buffers when it died.
  first.cancellation.cancel();
  const again = batch.gather();
  assert.ok(again);
  assert.equal(rig.held, 1, 'held once, not once per attempt');
  assert.deepEqual(again.inputs[0]?.shape, [1, 1]);
  batch.complete(echo(again));
  await flush();
  assert.deepEqual(second.answer, [2], 'its row is the first of the second attempt');
  assert.deepEqual(rig.dropped, [], 'who left between the attempts was not in the second');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('D62 a batch that has ended workers is split: its halves are suspects, run apart, and are split again', async () => {
  const rig = new Rig();
  const requests = [1, 2, 3, 4].map((value) => rig.submit({ rows: [[value]] }));
  const { batch } = rig.run();
  batch.attempts = 2;
  batch.split();
  batch.split();
  const first = rig.run();
  const second = rig.run();
  assert.deepEqual([first.batch.attempts, second.batch.attempts], [1, 1]);
  assert.deepEqual([first.batch.requests, second.batch.requests], [2, 2]);
  second.batch.complete(echo(second.command));
  first.batch.attempts++;
  requests[0]?.cancellation.cancel();
  first.batch.split();
  // One has left, and the other may not be to blame: it gets a run of its own.
  const last = rig.run();
  assert.deepEqual([last.batch.requests, last.batch.attempts], [1, 1]);
  last.batch.complete(echo(last.command));
  await flush();
  assert.deepEqual(
    requests.map(({ state }) => state),
    ['CANCELLED', 'OK', 'OK', 'OK'],
  );
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a batch that is given up fails its entries with that error', async () => {
  const rig = new Rig();
  const requests = [rig.submit(), rig.submit()];
  const error = new GatewayError('UNAVAILABLE', 'no worker', { reason: 'no_worker' });
  rig.take().fail(error);
  await flush();
  for (const request of requests) assert.equal(request.error, error);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('D76 a second answer to a batch is ignored and counted', async () => {
  const rig = new Rig();
  const request = rig.submit({ rows: [[1]] });
  const { batch, command } = rig.run();
  batch.complete(echo(command));
  batch.complete(rejected());
  batch.fail(new GatewayError('UNAVAILABLE', 'late'));
  assert.equal(batch.gather(), undefined);
  await flush();
  assert.deepEqual([request.state, request.settlements, request.answer], ['OK', 1, [1]]);
  assert.deepEqual(rig.dropped, ['double_answer', 'double_answer']);
  assert.equal(rig.ran.length, 1);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('an answer to a batch that never ran is a bug, and nobody hangs of it', async () => {
  const rig = new Rig();
  const request = rig.submit();
  rig.take().complete({ kind: 'success', outputs: [], startedAt: 0, endedAt: 0 });
  await flush();
  assert.equal(request.state, 'INTERNAL');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a hold that cannot be had fails the batch rather than its worker', async () => {
  const rig = new Rig({
    retain: () => {
      throw new GatewayError('UNAVAILABLE', 'gone');
    },
  });
  const request = rig.submit();
  assert.equal(rig.take().gather(), undefined);
  await flush();
  assert.equal(request.state, 'UNAVAILABLE');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a bug while the answer is handed out is thrown, and nobody hangs of it', async () => {
  const rig = new Rig({
    retain: () => () => {
      throw new Error('bug');
    },
  });
  const request = rig.submit();
  const { batch, command } = rig.run();
  assert.throws(() => batch.complete(echo(command)), /bug/);
  await flush();
  assert.equal(request.state, 'INTERNAL');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a model that answers with the wrong rows is INTERNAL for its callers', async () => {
  const rig = new Rig();
  const requests = [rig.submit({ outputs: ['Y'] }), rig.submit({ outputs: ['Z'] })];
  const { batch, command } = rig.run();
  const { outputs, ...rest } = echo(command);
  batch.complete({ ...rest, outputs: outputs.map((o) => (o.name === 'Z' ? { ...o, shape: [1, 2] } : o)) });
  await flush();
  assert.deepEqual(
    requests.map((request) => request.state),
    ['OK', 'INTERNAL'],
  );
  assert.match(
    requests[1]?.error?.message ?? '',
    /^model output 'Z' has shape \[1,2\] after a batch of 2 rows/,
  );
});

test('a clock that ran backwards in a worker never makes a negative time', async () => {
  const rig = new Rig();
  const request = rig.submit();
  const { batch, command } = rig.run();
  batch.complete(echo(command, 10, 4));
  await flush();
  assert.equal(request.result?.timing.computeMs, 0);
});

test('a worker is given only what it can run, in order, and the parts of a rejected batch too', async () => {
  const rig = new Rig();
  const other = { ...manifestOf({ maxBatchSize: 4 }), model: 'other' };
  rig.batcher.hold();
  const first = rig.submit({ inMs: 10 });
  const second = rig.submit({ inMs: 30, manifest: other });
  const third = rig.submit({ inMs: 20, manifest: other });
  rig.batcher.release();
  const runsOther = (key: string) => key === 'other/1';
  const batch = rig.batcher.take(runsOther);
  assert.equal(batch?.key, 'other/1');
  assert.equal(rig.batcher.take(runsOther), undefined, 'what is left is for others');
  batch?.gather();
  batch?.complete({ kind: 'rejected', error: new GatewayError('INTERNAL', 'no') });
  assert.equal(
    rig.batcher.take((key) => key === 'none'),
    undefined,
  );
  assert.equal(rig.take().key, 'other/1', 'a part comes before the queues');
  first.cancellation.cancel();
  second.cancellation.cancel();
  third.cancellation.cancel();
  await flush();
  assert.equal(rig.batcher.take(), undefined);
});
