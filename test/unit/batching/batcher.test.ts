import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import { echo, flush, fp32, manifestOf, NOTHING_LEFT, Rig } from './rig.js';

test('rows of several requests run as one batch, and each gets its own back', async () => {
  const rig = new Rig();
  rig.batcher.hold();
  const a = rig.submit({ rows: [[1, 2]], id: 'a' });
  const b = rig.submit({
    rows: [
      [3, 4],
      [5, 6],
    ],
    outputs: ['Z'],
    id: 'b',
  });
  const none = rig.submit({ rows: [], width: 2 });
  rig.batcher.release();
  rig.clock.advance(7);
  const { batch, command } = rig.run();
  assert.equal(command.key, 'echo/1');
  assert.deepEqual(command.inputs[0]?.shape, [3, 2]);
  assert.deepEqual(command.outputs, ['Y', 'Z']);
  batch.complete(echo(command, 10, 14));
  await flush();
  const timing = { queueMs: 7, rows: 1, batchRows: 3, inputMs: 0, computeMs: 4, outputMs: 0 };
  assert.deepEqual(a.answer, [1, 2]);
  assert.deepEqual(
    { ...a.result, outputs: a.result?.outputs.map((output) => [output.name, output.shape]) },
    {
      model: 'echo',
      version: 1,
      id: 'a',
      outputs: [
        ['Y', [1, 2]],
        ['Z', [1, 2]],
      ],
      timing,
    },
  );
  assert.deepEqual(b.answer, [6, 8, 10, 12], 'only Z, which is twice X');
  assert.equal(b.result?.outputs.length, 1);
  assert.deepEqual(none.result?.outputs[0]?.shape, [0, 2]);
  assert.deepEqual(rig.ran, [{ key: 'echo/1', rows: 3, computeMs: 4 }]);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

/** Submits one request per number of rows while held, then runs everything: rows of a batch -> how often. */
async function batchesOf(requests: readonly number[], maxBatchSize: number): Promise<Record<number, number>> {
  const rig = new Rig();
  const manifest = manifestOf({ maxBatchSize });
  rig.batcher.hold();
  const all = requests.map((rows, i) => rig.submit({ rows: Array(rows).fill([i]), manifest }));
  assert.equal(rig.batcher.take(), undefined, 'held');
  rig.batcher.release();
  const histogram: Record<number, number> = {};
  for (const rows of await rig.runAll()) histogram[rows] = (histogram[rows] ?? 0) + 1;
  for (const [i, request] of all.entries()) assert.deepEqual(request.answer, Array(requests[i]).fill(i));
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
  return histogram;
}

test('exact batches', async () => {
  const rows: [string, number[], number, Record<number, number>][] = [
    ['one request is one batch', [3], 8, { 3: 1 }],
    ['seven single rows in batches of up to 4', [1, 1, 1, 1, 1, 1, 1], 4, { 3: 1, 4: 1 }],
    ['an exact fit leaves no empty batch behind', [2, 2, 2, 2], 4, { 4: 2 }],
    ['rows count, and a request is never cut', [3, 2, 3, 1], 4, { 3: 1, 2: 1, 4: 1 }],
    ['a batch size of one means alone', [1, 1, 1], 1, { 1: 3 }],
  ];
  for (const [sentence, requests, max, histogram] of rows) {
    assert.deepEqual(await batchesOf(requests, max), histogram, sentence);
  }
});

test('where the model is not batchable every request runs alone and as it is', async () => {
  for (const manifest of [
    manifestOf({ batchable: false, maxBatchSize: 0 }),
    manifestOf({ maxBatchSize: 0 }),
  ]) {
    const rig = new Rig();
    rig.batcher.hold();
    const scalar = { name: 'X', datatype: 'FP32', shape: [], data: fp32('X', [[7]]).data } as const;
    const requests = [
      rig.submit({ inputs: [scalar], manifest }),
      rig.submit({ rows: Array(20).fill([1]), manifest }),
    ];
    rig.batcher.release();
    assert.deepEqual(await rig.runAll(), [0, 20]);
    assert.deepEqual(requests[0]?.result?.outputs[0]?.shape, []);
    assert.deepEqual(requests[0]?.answer, [7]);
    assert.equal(requests[1]?.result?.timing.batchRows, 1, 'one request, whatever its shape');
  }
});

test('shapes and versions are grouped apart, and never flush each other', async () => {
  const rig = new Rig();
  const second = manifestOf({ version: 2 });
  rig.batcher.hold();
  // Interleaved arrivals: were a change of shape to flush, each would run alone.
  for (let i = 0; i < 4; i++) {
    rig.submit({ rows: [[1, 1]] });
    rig.submit({ rows: [[2, 2, 2]] });
    rig.submit({ rows: [[1, 1]], manifest: second });
  }
  rig.batcher.release();
  const seen: string[] = [];
  await rig.runAll((command) => {
    seen.push(`${command.key} [${command.inputs[0]?.shape}]`);
    return echo(command);
  });
  assert.deepEqual(seen, ['echo/1 [4,2]', 'echo/1 [4,3]', 'echo/2 [4,2]']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('the earliest deadline runs first, in a queue and among queues; equal ones by arrival', async () => {
  const rig = new Rig({ horizonMs: 50 });
  const manifest = manifestOf({ maxBatchSize: 1 });
  rig.batcher.hold();
  const arrivals: [number, number, number | undefined][] = [
    // value, width, deadline in ms
    [1, 1, 90],
    [2, 2, 40],
    [3, 1, 30],
    [4, 1, 40],
    [5, 2, 20],
    [6, 1, undefined],
    [7, 2, 40],
  ];
  for (const [value, width, inMs] of arrivals) {
    rig.submit({ rows: [Array(width).fill(value)], manifest, ...(inMs === undefined ? {} : { inMs }) });
  }
  rig.batcher.release();
  const order: number[] = [];
  await rig.runAll((command) => {
    const answer = echo(command);
    order.push(new Float32Array(new Uint8Array(answer.outputs[0]?.data ?? []).buffer)[0] ?? Number.NaN);
    return answer;
  });
  assert.deepEqual(order, [5, 3, 2, 4, 7, 6, 1], 'no deadline counts as one in 50 ms');
});

test('a request without a deadline is not starved by a stream of urgent ones', async () => {
  const rig = new Rig({ horizonMs: 100 });
  const manifest = manifestOf({ maxBatchSize: 1 });
  const patient = rig.submit({ rows: [[9]], manifest });
  rig.submit({ rows: [[1]], manifest, inMs: 60 });
  for (let i = 0; i < 8; i++) {
    rig.submit({ rows: [[1]], manifest, inMs: 60 });
    const { batch, command } = rig.run();
    batch.complete(echo(command));
    rig.clock.advance(10);
  }
  await flush();
  assert.deepEqual(patient.answer, [9]);
  rig.batcher.close();
});

test('work is announced at once, also when a hold ends, and not while held', () => {
  const rig = new Rig();
  rig.submit();
  assert.equal(rig.signals, 1);
  rig.batcher.hold();
  rig.submit();
  assert.equal(rig.signals, 1);
  rig.batcher.release();
  assert.equal(rig.signals, 2);
  rig.run();
  rig.batcher.hold();
  rig.batcher.release();
  assert.equal(rig.signals, 2, 'nothing to take');
  rig.batcher.close();
});

test('a free worker takes the first request at once, from within the announcement', async () => {
  const rig = new Rig();
  rig.batcher.onWork = () => {
    const { batch, command } = rig.run();
    batch.complete(echo(command));
  };
  const request = rig.submit({ rows: [[4]] });
  await flush();
  assert.deepEqual(request.answer, [4]);
});

test('a dispatcher that throws fails the call that it was told of, and nothing is left', async () => {
  const rig = new Rig();
  rig.batcher.onWork = () => {
    throw new Error('bug');
  };
  const request = rig.submit();
  await flush();
  assert.equal(request.state, 'INTERNAL');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a full queue refuses with a push-back, one model version at a time', async () => {
  const rig = new Rig({ maxQueueRows: 10, workers: () => 2 });
  const manifest = manifestOf({ latency: [{ rows: 8, ms: 40 }] });
  rig.submit({ rows: Array(8).fill([1]), manifest });
  rig.submit({ rows: [[1]], manifest });
  const refused = rig.submit({ rows: [[1], [1]], manifest });
  const other = rig.submit({ rows: [[1], [1]], manifest: manifestOf({ model: 'other' }) });
  await flush();
  assert.equal(refused.state, 'UNAVAILABLE');
  assert.deepEqual(refused.error?.details, { reason: 'queue_full', retryAfterMs: 40 });
  assert.match(
    refused.error?.message ?? '',
    /^queue of model 'echo' version 1 is full: 9 rows wait, 2 more would exceed 10/,
  );
  assert.equal(other.state, 'pending');
  assert.equal(rig.submit({ rows: [[1]], manifest }).state, 'pending', 'ten fit');
  // Empty requests cost one, or they could be queued without end.
  const empty = rig.submit({ rows: [], width: 1, manifest });
  await flush();
  assert.equal(empty.state, 'UNAVAILABLE');
  const { batch, command } = rig.run();
  assert.equal(rig.submit({ rows: [[1], [1]], manifest }).state, 'pending', 'what runs has left the queue');
  batch.complete(echo(command));
  await rig.runAll();
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('the byte budget counts until the answer, since the bytes are kept for another attempt', async () => {
  const rig = new Rig({ maxQueueBytes: 32 });
  const first = rig.submit({ rows: [[1, 2, 3, 4]] });
  rig.submit({ rows: [[1, 2, 3, 4]] });
  const { batch, command } = rig.run();
  const refused = rig.submit({ rows: [[1]] });
  await flush();
  assert.deepEqual([refused.state, refused.error?.details.reason], ['UNAVAILABLE', 'byte_budget']);
  assert.ok((refused.error?.details.retryAfterMs ?? 0) >= 1);
  first.cancellation.cancel();
  assert.equal(rig.batcher.stats().bytes, 16, 'a leaver frees its bytes at once');
  const admitted = rig.submit({ rows: [[1]] });
  batch.complete(echo(command));
  await rig.runAll();
  assert.equal(admitted.state, 'OK');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('what would not fit into an empty server is refused for good, without a push-back', async () => {
  const rows = [
    { rig: new Rig({ maxQueueRows: 2 }), why: /takes 3 rows, .* at most 2/ },
    { rig: new Rig({ maxQueueBytes: 8 }), why: /takes 12 bytes, .* at most 8/ },
  ];
  for (const { rig, why } of rows) {
    const request = rig.submit({ rows: [[1], [2], [3]] });
    await flush();
    assert.equal(request.state, 'INVALID_ARGUMENT');
    assert.match(request.error?.message ?? '', why);
    assert.equal(request.error?.details.retryAfterMs, undefined);
  }
});

test('a request that does not fit its model is refused without being queued', async () => {
  const rig = new Rig();
  const tooLarge = rig.submit({ rows: Array(9).fill([1]) });
  await flush();
  assert.equal(tooLarge.state, 'INVALID_ARGUMENT');
  assert.equal(rig.signals, 0);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a drain refuses what is new, finishes what is there, and then resolves', async () => {
  const rig = new Rig();
  const waiting = rig.submit();
  let drained = false;
  const done = rig.batcher.drain().then(() => {
    drained = true;
  });
  const late = rig.submit();
  await flush();
  assert.deepEqual([late.state, late.error?.details.reason], ['UNAVAILABLE', 'draining']);
  assert.equal(drained, false);
  await rig.runAll();
  assert.equal(waiting.state, 'OK');
  await done;
  await rig.batcher.drain();
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('closing fails all that is left, waiting, running or to be run again, and a late answer is dropped', async () => {
  const rig = new Rig();
  const running = [rig.submit(), rig.submit()];
  const { batch, command } = rig.run();
  const split = [rig.submit(), rig.submit()];
  const other = rig.run().batch;
  other.complete({ kind: 'rejected', error: new GatewayError('INTERNAL', 'no') });
  const waiting = rig.submit();
  rig.batcher.close();
  await flush();
  for (const request of [...running, ...split, waiting]) {
    assert.deepEqual([request.state, request.error?.details.reason], ['UNAVAILABLE', 'draining']);
  }
  assert.equal(rig.held, 1, 'the worker still runs the version');
  assert.equal(rig.batcher.take(), undefined);
  await rig.batcher.drain();
  batch.complete(echo(command));
  assert.deepEqual(rig.dropped, ['late_answer', 'late_answer']);
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});

test('a version stays held while a batch of it runs, though every caller has left', () => {
  const rig = new Rig();
  const request = rig.submit();
  const batch = rig.take();
  assert.equal(rig.held, 0, 'taken, not yet running: the caller’s lease holds it');
  const command = batch.gather();
  assert.ok(command);
  assert.equal(rig.held, 1);
  request.cancellation.cancel();
  assert.equal(rig.held, 1);
  batch.complete(echo(command));
  assert.equal(rig.held, 0);
});

test('a version that was reloaded with other settings is batched by its new ones', async () => {
  const rig = new Rig();
  rig.batcher.hold();
  rig.submit({ rows: [[1]] });
  rig.submit({ rows: [[1]], manifest: manifestOf() });
  rig.submit({ rows: [[1]], manifest: manifestOf({ maxBatchSize: 1 }) });
  rig.submit({ rows: [[1]], manifest: manifestOf({ maxBatchSize: 1 }) });
  rig.batcher.release();
  assert.deepEqual(await rig.runAll(), [2, 1, 1]);
  rig.batcher.forget({ model: 'echo', version: 1 });
  const again = rig.submit();
  await rig.runAll();
  assert.equal(again.state, 'OK');
  assert.deepEqual(rig.leftovers(), NOTHING_LEFT);
});
