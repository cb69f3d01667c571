import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import { echo, flush, NOTHING_LEFT, type Pending, Rig } from './rig.js';

/** Each request's state, after the promises had their say. */
async function states(...requests: readonly Pending[]): Promise<string[]> {
  await flush();
  return requests.map((request) => request.state);
}

test('B34 a deadline that passed before submission: DEADLINE_EXCEEDED, never queued', async () => {
  const rig = new Rig();
  const requests = [rig.submit({ inMs: 0 }), rig.submit({ inMs: -5 })];
  assert.deepEqual(await states(...requests), ['DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED']);
  assert.equal(requests[0]?.error?.details.reason, 'deadline_passed');
  assert.equal(rig.signals, 0);
  assert.equal(rig.batcher.take(), undefined);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B34 a deadline that passes in the queue: DEADLINE_EXCEEDED within two ticks, never dispatched', async () => {
  const rig = new Rig();
  const late = rig.submit({ rows: [[1]], inMs: 12 });
  const other = rig.submit({ rows: [[2]], inMs: 100 });
  rig.clock.advance(11);
  assert.deepEqual(await states(late, other), ['pending', 'pending']);
  rig.clock.advance(9);
  assert.deepEqual(await states(late, other), ['DEADLINE_EXCEEDED', 'pending']);
  assert.match(
    late.error?.message ?? '',
    /^deadline exceeded: request for model 'echo' version 1 waited 1\d\.\d ms in the queue$/,
  );
  assert.equal(rig.batcher.stats().queuedRows, 1, 'its row is free');
  assert.deepEqual(await rig.runAll(), [1]);
  assert.deepEqual(other.answer, [2]);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B34 a deadline that has passed when the batch is formed: not in it, though no timer has fired', async () => {
  const rig = new Rig();
  const late = rig.submit({ rows: [[1]], inMs: 1 });
  const other = rig.submit({ rows: [[2]], inMs: 100 });
  rig.clock.advance(2);
  assert.deepEqual(await states(late), ['pending'], 'the wheel has not ticked');
  const { batch, command } = rig.run();
  assert.deepEqual(command.inputs[0]?.shape, [1, 1]);
  assert.deepEqual(await states(late, other), ['DEADLINE_EXCEEDED', 'pending']);
  batch.complete(echo(command));
  assert.deepEqual(await states(other), ['OK']);
  assert.deepEqual(other.answer, [2]);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B34 a deadline that passes at batch close, between take and gather: not run, and a batch of none is nothing', async () => {
  const rig = new Rig();
  const late = rig.submit({ rows: [[1]], inMs: 3 });
  const other = rig.submit({ rows: [[2]], inMs: 4 });
  const batch = rig.take();
  rig.clock.advance(3);
  const command = batch.gather();
  assert.deepEqual(command?.inputs[0]?.shape, [1, 1]);
  assert.deepEqual(await states(late, other), ['DEADLINE_EXCEEDED', 'pending']);
  // A second attempt, after a worker's fault: by now nobody is left.
  rig.clock.advance(1);
  assert.equal(batch.gather(), undefined);
  assert.deepEqual(await states(other), ['DEADLINE_EXCEEDED']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B34 a deadline that passes in the run: DEADLINE_EXCEEDED at once; the others get their own rows', async () => {
  const rig = new Rig();
  const before = rig.submit({ rows: [[1]], inMs: 100 });
  const late = rig.submit({ rows: [[2], [3]], inMs: 20 });
  const after = rig.submit({ rows: [[4]], inMs: 100 });
  rig.clock.advance(4);
  const { batch, command } = rig.run();
  assert.equal(batch.latestDeadline, rig.clock.now() + 96);
  rig.clock.advance(26);
  assert.deepEqual(await states(before, late, after), ['pending', 'DEADLINE_EXCEEDED', 'pending']);
  assert.match(late.error?.message ?? '', /waited 4\.0 ms in the queue and ran for \d+\.\d ms$/);
  batch.complete(echo(command));
  assert.deepEqual(await states(before, late, after), ['OK', 'DEADLINE_EXCEEDED', 'OK']);
  assert.deepEqual([before.answer, after.answer], [[1], [4]]);
  assert.deepEqual(rig.dropped, ['late_answer']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B34 an answer that comes after the deadline is late, though no timer has fired', async () => {
  const rig = new Rig();
  const late = rig.submit({ inMs: 6 });
  const { batch, command } = rig.run();
  rig.clock.advance(6);
  assert.deepEqual(await states(late), ['pending']);
  batch.complete(echo(command));
  assert.deepEqual(await states(late), ['DEADLINE_EXCEEDED']);
  assert.deepEqual(rig.dropped, ['late_answer']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B35 cancelled before submission: CANCELLED, never queued', async () => {
  const rig = new Rig();
  const cancellation = new Cancellation();
  cancellation.cancel();
  const request = rig.submit({ cancellation });
  assert.deepEqual(await states(request), ['CANCELLED']);
  assert.equal(rig.signals, 0);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B35 cancelled in the queue: CANCELLED at once, its rows and bytes are free, the others run', async () => {
  const rig = new Rig();
  const requests = [1, 2, 3].map((value) => rig.submit({ rows: [[value]], inMs: 50 }));
  requests[1]?.cancellation.cancel();
  assert.deepEqual([rig.batcher.stats().queuedRows, rig.batcher.stats().bytes], [2, 8]);
  assert.deepEqual(await states(...requests), ['pending', 'CANCELLED', 'pending']);
  assert.equal(requests[1]?.error?.details.reason, 'cancelled');
  assert.deepEqual(await rig.runAll(), [2]);
  assert.deepEqual([requests[0]?.answer, requests[2]?.answer], [[1], [3]]);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B35 cancelled at batch close, between take and gather: its rows are not run', async () => {
  const rig = new Rig();
  const requests = [1, 2, 3].map((value) => rig.submit({ rows: [[value]] }));
  const batch = rig.take();
  requests[0]?.cancellation.cancel();
  const command = batch.gather();
  assert.ok(command);
  assert.deepEqual(command.inputs[0]?.shape, [2, 1]);
  batch.complete(echo(command));
  assert.deepEqual(await states(...requests), ['CANCELLED', 'OK', 'OK']);
  assert.deepEqual([requests[1]?.answer, requests[2]?.answer], [[2], [3]]);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B35 cancelled in the run: CANCELLED at once; the others get their own rows', async () => {
  const rig = new Rig();
  const requests = [1, 2, 3].map((value) => rig.submit({ rows: [[value], [value]] }));
  const { batch, command } = rig.run();
  requests[1]?.cancellation.cancel();
  assert.deepEqual(await states(...requests), ['pending', 'CANCELLED', 'pending']);
  batch.complete(echo(command));
  assert.deepEqual(await states(...requests), ['OK', 'CANCELLED', 'OK']);
  assert.deepEqual(
    [requests[0]?.answer, requests[2]?.answer],
    [
      [1, 1],
      [3, 3],
    ],
  );
  assert.deepEqual(rig.dropped, ['late_answer']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B35 all cancelled: nothing is run, and a batch that ran is answered to nobody', async () => {
  const rig = new Rig();
  const first = rig.submit();
  const batch = rig.take();
  first.cancellation.cancel();
  assert.equal(batch.gather(), undefined);
  assert.equal(batch.latestDeadline, Number.NEGATIVE_INFINITY);
  const second = rig.submit();
  const { batch: running, command } = rig.run();
  second.cancellation.cancel();
  running.complete(echo(command));
  assert.deepEqual(await states(first, second), ['CANCELLED', 'CANCELLED']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('B35 cancelling or expiring after the answer changes nothing', async () => {
  const rig = new Rig();
  const request = rig.submit({ rows: [[5]], inMs: 10 });
  await rig.runAll();
  request.cancellation.cancel();
  rig.clock.advance(100);
  assert.deepEqual(await states(request), ['OK']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});
