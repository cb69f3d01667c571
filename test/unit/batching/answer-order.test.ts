import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerOrder, type Place } from '../../../gateway/batching/answer-order.js';
import { GatewayError } from '../../../gateway/core/error.js';
import { PacedRig, scheduled } from './paced-rig.js';
import { echo, flush, NOTHING_LEFT, Rig, rejected } from './rig.js';

/** Steps by number of the request: `1` its answer is there, `-1` it needs none any more. */
const ROWS: [string, number, number[], number[]][] = [
  ['answers in order leave at once', 3, [1, 2, 3], [1, 2, 3]],
  ['an early one waits for those before it', 3, [3, 2, 1], [1, 2, 3]],
  ['some leave, others wait on', 4, [1, 3, 4], [1]],
  ['one that has gone is waited for by nobody', 3, [3, 2, -1], [2, 3]],
  ['one that has gone while others wait for another changes nothing', 3, [3, -2], []],
  ['all but the last have gone', 3, [-1, -2, 3], [3]],
];

for (const [sentence, requests, steps, wanted] of ROWS)
  test(`the order of answers: ${sentence}`, () => {
    const order = new AnswerOrder();
    const left: number[] = [];
    const places = Array.from({ length: requests }, () => order.enter());
    for (const step of steps) {
      const place = places[Math.abs(step) - 1] as Place;
      if (step < 0) order.leave(place);
      else order.ready(place, () => left.push(step));
    }
    assert.deepEqual(left, wanted);
  });

test('the order of answers: however many wait for one, they leave in order and in one loop', () => {
  const order = new AnswerOrder();
  const first = order.enter();
  const left: number[] = [];
  for (let i = 0; i < 50_000; i++) {
    const place = order.enter();
    order.ready(place, () => {
      // It is leaving: this changes nothing.
      order.leave(place);
      left.push(i);
    });
  }
  order.leave(first);
  assert.deepEqual(left, [...Array(50_000).keys()]);
});

const ORDERED = { preserveOrdering: true };
const SINGLE = scheduled(ORDERED, { maxBatchSize: 1 });

/** Three requests of one row on two workers, of which the first is slow; what becomes of the first after 50 ms. */
async function slowFirst(meanwhile: (rig: PacedRig) => void, inMs?: number): Promise<PacedRig> {
  const rig = new PacedRig([400, 100]);
  for (let i = 0; i < 3; i++)
    rig.send({ manifest: SINGLE, rows: [[i]], ...(i === 0 && inMs !== undefined ? { inMs } : {}) });
  await rig.until(50);
  meanwhile(rig);
  return rig;
}

test('the order of answers: one whose request has gone is handed out at once, so that it lets go of what it holds', () => {
  const order = new AnswerOrder();
  order.enter();
  const second = order.enter();
  let calls = 0;
  order.ready(second, () => calls++);
  assert.equal(calls, 0);
  order.leave(second);
  order.leave(second);
  assert.equal(calls, 1);
});

test('in order: answers of a fast worker wait for that of a slow one', async () => {
  const rig = await slowFirst(() => {});
  await rig.until(399);
  assert.deepEqual(rig.left, []);
  await rig.until(400);
  assert.deepEqual(
    [rig.left, rig.outcomes],
    [
      [0, 1, 2],
      ['OK', 'OK', 'OK'],
    ],
  );
  assert.deepEqual(
    rig.sent.map(({ answer }) => answer),
    [[0], [1], [2]],
  );
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('in order: one that is cancelled is waited for no longer', async () => {
  const rig = await slowFirst((it) => it.sent[0]?.cancellation.cancel());
  await rig.until(300);
  assert.deepEqual([rig.left, rig.sent[0]?.state], [[0, 1, 2], 'CANCELLED']);
  await rig.until(500);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('in order: one that expires is waited for until then', async () => {
  const rig = await slowFirst(() => {}, 250);
  await rig.until(240);
  assert.deepEqual(rig.left, []);
  await rig.until(260);
  assert.deepEqual([rig.left, rig.sent[0]?.state], [[0, 1, 2], 'DEADLINE_EXCEEDED']);
  await rig.until(500);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('in order: one that fails, by a fault or of its own, is waited for until then', async () => {
  const rig = new Rig({ workers: () => 3 });
  const all = [1, 2, 3].map((x) => rig.submit({ manifest: SINGLE, rows: [[x]] }));
  const runs = all.map(() => rig.run());
  const states = async (): Promise<string[]> => {
    await flush();
    return all.map(({ state }) => state);
  };
  runs[2]?.batch.complete(echo(runs[2].command));
  assert.deepEqual(await states(), ['pending', 'pending', 'pending']);
  runs[0]?.batch.fail(new GatewayError('UNAVAILABLE', 'no worker'));
  assert.deepEqual(await states(), ['UNAVAILABLE', 'pending', 'pending']);
  runs[1]?.batch.complete(rejected());
  assert.deepEqual(await states(), ['UNAVAILABLE', 'INVALID_ARGUMENT', 'OK']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('in order: the halves of a rejected batch keep to it too', async () => {
  const rig = new Rig();
  const manifest = scheduled(ORDERED, { maxBatchSize: 2 });
  const left: number[] = [];
  const all = [0, 1].map((x) => rig.submit({ manifest, rows: [[x]] }));
  for (const [i, { promise }] of all.entries()) void promise.then(() => left.push(i));
  rig.run().batch.complete(rejected());
  const halves = [rig.run(), rig.run()];
  halves[1]?.batch.complete(echo(halves[1].command));
  await flush();
  assert.deepEqual(left, []);
  halves[0]?.batch.complete(echo(halves[0].command));
  await flush();
  assert.deepEqual(left, [0, 1]);
});

test('in order: an answer that waits is late when its deadline passes, and lets go of its memory', async () => {
  const rig = new Rig({ workers: () => 2 });
  const manifest = scheduled(ORDERED, { maxBatchSize: 1 });
  const rows = [Array(20_000).fill(1)];
  const first = rig.submit({ manifest, rows });
  const second = rig.submit({ manifest, rows, inMs: 100 });
  const third = rig.submit({ manifest, rows });
  // Who has a deadline does not overtake: the order is that of arrival.
  const runs = [rig.run(), rig.run(), rig.run()];
  const answer = echo((runs[1] as (typeof runs)[0]).command);
  runs[1]?.batch.complete(answer);
  assert.ok(answer.outputs[0]?.data.length, 'it waits');
  rig.clock.advance(110);
  await flush();
  assert.equal(second.state, 'DEADLINE_EXCEEDED');
  assert.equal(answer.outputs[0]?.data.length, 0, 'freed');
  const last = echo((runs[2] as (typeof runs)[0]).command);
  runs[2]?.batch.complete(last);
  third.cancellation.cancel();
  assert.equal(last.outputs[0]?.data.length, 0, 'freed as well');
  runs[0]?.batch.complete(echo((runs[0] as (typeof runs)[0]).command));
  await flush();
  assert.deepEqual([first.state, third.state], ['OK', 'CANCELLED']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('in order: a batcher that is closed fails those that run and lets out those that wait for them', async () => {
  const rig = new Rig({ workers: () => 2 });
  const all = [1, 2, 3].map((x) => rig.submit({ manifest: SINGLE, rows: [[x]] }));
  const runs = [rig.run(), rig.run()];
  runs[1]?.batch.complete(echo(runs[1].command));
  rig.batcher.close();
  await flush();
  assert.deepEqual(
    all.map(({ state }) => state),
    ['UNAVAILABLE', 'OK', 'UNAVAILABLE'],
  );
});
