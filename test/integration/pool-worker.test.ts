import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import type { Channel } from '../../gateway/core/channel.js';
import { systemClock } from '../../gateway/core/clock.js';
import { type Datatype, SERVED_DATATYPES } from '../../gateway/core/datatype.js';
import { silentLogger } from '../../gateway/core/logger.js';
import type { Manifest } from '../../gateway/core/manifest.js';
import { Dispatcher } from '../../gateway/pool/dispatcher.js';
import { Pool } from '../../gateway/pool/pool.js';
import { threadChannels } from '../../gateway/pool/thread-channel.js';
import { prepareModel } from '../../worker/prepare-model.js';
import { FakeBatch, FakeSource } from '../support/fake-batch.js';
import {
  addModel,
  gatherModel,
  identityModel,
  matMulModel,
  readStringsModel,
} from '../support/onnx-model.js';
import { fp32, fp32Values, modelRequest, runOn, temporaryDirectory } from '../support/worker-kits.js';

const open = threadChannels({ clock: systemClock, recorder: { dropped() {} }, intraOpThreads: 1 });

interface Context {
  after(fn: () => Promise<void>): void;
}

async function worker(context: Context): Promise<Channel> {
  const channel = await open(0);
  context.after(() => channel.close());
  return channel;
}

async function prepared(context: Context, bytes: Uint8Array, version = 1): Promise<Manifest> {
  return prepareModel(await modelRequest(await temporaryDirectory(context), bytes, { version }));
}

test('C52 C53 every served datatype comes back from the echo model bit for bit', async (t) => {
  const channel = await worker(t);
  const strings = Buffer.from(
    '\x00\x00\x00\x00\x02\x00\x00\x00\xc3\xa9\x03\x00\x00\x00\xef\xbb\xbf\x01\x00\x00\x00a',
    'latin1',
  );
  const rows: readonly [Datatype, Uint8Array][] = [
    ['FP32', new Uint8Array(Uint32Array.of(0x7fc12345, 0x80000000, 0x00000001, 0xff800000).buffer)],
    ['FP64', new Uint8Array(BigUint64Array.of(0x7ff80000deadbeefn, 1n << 63n, 1n, 0xfffn << 52n).buffer)],
    ['FP16', new Uint8Array(Uint16Array.of(0x7e01, 0x8000, 0x0001, 0xfc00).buffer)],
    ['INT8', new Uint8Array(Int8Array.of(-128, 127, 0, -1).buffer)],
    ['UINT8', Uint8Array.of(255, 0, 1, 128)],
    ['INT16', new Uint8Array(Int16Array.of(-(2 ** 15), 2 ** 15 - 1, 0, -1).buffer)],
    ['UINT16', new Uint8Array(Uint16Array.of(2 ** 16 - 1, 2 ** 15, 0, 1).buffer)],
    ['UINT32', new Uint8Array(Uint32Array.of(2 ** 32 - 1, 2 ** 31, 0, 1).buffer)],
    ['UINT64', new Uint8Array(BigUint64Array.of(2n ** 64n - 1n, 2n ** 63n, 2n ** 53n + 1n, 0n).buffer)],
    ['INT32', new Uint8Array(Int32Array.of(-1, 2 ** 31 - 1, -(2 ** 31), 0).buffer)],
    ['INT64', new Uint8Array(BigInt64Array.of(2n ** 53n + 1n, -(2n ** 63n), 2n ** 63n - 1n, 0n).buffer)],
    ['BOOL', Uint8Array.of(0, 1, 1, 0)],
    ['BYTES', Uint8Array.from(strings)],
  ];
  assert.deepEqual(new Set(rows.map(([datatype]) => datatype)), SERVED_DATATYPES);
  for (const [i, [datatype, data]] of rows.entries()) {
    const model = datatype === 'BYTES' ? readStringsModel() : identityModel(datatype as 'FP32');
    const manifest = await prepared(t, model, i + 1);
    await channel.load(manifest);
    for (const shape of [
      [1, 4],
      [0, 4],
    ]) {
      const sent = shape[0] === 0 ? new Uint8Array(0) : data.slice();
      const expected = sent.slice();
      const outcome = await runOn(channel, manifest, [{ name: 'X', datatype, shape, data: sent }]);
      assert.ok(outcome.kind === 'success', `${datatype} ${JSON.stringify(outcome)}`);
      const [output] = outcome.outputs;
      assert.equal(output?.datatype, datatype);
      assert.deepEqual(output?.shape, shape);
      assert.deepEqual(output?.data, expected, datatype);
      assert.ok(outcome.endedAt >= outcome.startedAt && outcome.endedAt <= systemClock.now());
    }
  }
});

test('an unaligned view is copied, a scalar has no dimensions', async (t) => {
  const channel = await worker(t);
  const manifest = await prepared(t, identityModel('FP64', []));
  assert.equal(manifest.signature.batchable, false);
  await channel.load(manifest);
  const whole = new Uint8Array(12);
  whole.set(new Uint8Array(Float64Array.of(1.5).buffer), 3);
  const outcome = await runOn(channel, manifest, [
    { name: 'X', datatype: 'FP64', shape: [], data: whole.subarray(3, 11) },
  ]);
  assert.ok(outcome.kind === 'success', JSON.stringify(outcome));
  assert.deepEqual(outcome.outputs[0]?.shape, []);
  assert.deepEqual([...new Float64Array(outcome.outputs[0]?.data.slice().buffer as ArrayBuffer)], [1.5]);
});

test('C54 what the model or the runtime cannot take is rejected with its reason, and the worker goes on', async (t) => {
  const channel = await worker(t);
  const gather = await prepared(t, gatherModel());
  const echo = await prepared(t, readStringsModel(['N']), 2);
  await channel.load(gather);
  await channel.load(echo);
  const index = (value: bigint) => [
    {
      name: 'I',
      datatype: 'INT64' as const,
      shape: [1, 1],
      data: new Uint8Array(BigInt64Array.of(value).buffer),
    },
  ];
  const bytes = (hex: string, shape = [1]) => [
    { name: 'X', datatype: 'BYTES' as const, shape, data: Uint8Array.from(Buffer.from(hex, 'hex')) },
  ];
  const rows = [
    ['an index outside of the table', gather, index(99n), 'INVALID_ARGUMENT', /the model failed: .*idx=99/],
    ['a NUL', echo, bytes('03000000610062'), 'INVALID_ARGUMENT', /NUL byte in element 0/],
    ['not UTF-8', echo, bytes('01000000ff'), 'INVALID_ARGUMENT', /element 0 that is not valid UTF-8/],
    ['a length beyond the end', echo, bytes('09000000ff'), 'INVALID_ARGUMENT', /longer than the bytes/],
    ['bytes left over', echo, bytes('0000000000'), 'INVALID_ARGUMENT', /1 bytes more than its 1 elements/],
    ['too few elements', echo, bytes('00000000', [2]), 'INVALID_ARGUMENT', /fewer than 2 elements/],
    ['an unknown version', { ...echo, version: 9 }, bytes('00000000'), 'INTERNAL', /'m\/9' is not loaded/],
  ] as const;
  for (const [sentence, manifest, inputs, code, message] of rows) {
    const outcome = await runOn(channel, manifest, inputs);
    assert.ok(outcome.kind === 'rejected', `${sentence}: ${outcome.kind}`);
    assert.equal(outcome.error.code, code, sentence);
    assert.match(outcome.error.message, message, sentence);
  }
  assert.equal((await runOn(channel, gather, index(3n))).kind, 'success');
});

test('a model that cannot be loaded: FAILED_PRECONDITION without places on the server', async (t) => {
  const channel = await worker(t);
  const manifest = await prepared(t, identityModel());
  await assert.rejects(channel.load({ ...manifest, preparedPath: '/no/such/place/model.onnx' }), (error) => {
    assert.match(String(error), /failed to load 'm\/1'/);
    assert.doesNotMatch(String(error), /such\/place/);
    return true;
  });
  await channel.load(manifest);
  await channel.unload('m/1');
  assert.equal((await runOn(channel, manifest, [fp32('X', [1, 4], [1, 2, 3, 4])])).kind, 'rejected');
});

test('runs are answered in order, each with its own version’s answer', async (t) => {
  const channel = await worker(t);
  const one = await prepared(t, addModel(1), 1);
  const two = await prepared(t, addModel(100), 2);
  await channel.load(one);
  await channel.load(two);
  const order: number[] = [];
  await Promise.all(
    Array.from({ length: 50 }, async (_, i) => {
      const outcome = await runOn(channel, i % 2 ? two : one, [fp32('X', [1, 4], [i, 0, 0, 0])]);
      assert.ok(outcome.kind === 'success');
      assert.equal(fp32Values(outcome.outputs[0])[0], i + (i % 2 ? 100 : 1));
      order.push(i);
    }),
  );
  assert.deepEqual(
    order,
    Array.from({ length: 50 }, (_, i) => i),
  );
});

test('a pool of real threads runs batches, and drains while they run', async (t) => {
  const manifest = await prepared(t, matMulModel(256, 8));
  const source = new FakeSource();
  const pool = new Pool({
    slots: 2,
    open,
    clock: systemClock,
    random: Math.random,
    logger: silentLogger,
    recorder: { workerLost: (_, reason) => assert.fail(reason) },
  });
  new Dispatcher({ pool, source, clock: systemClock, logger: silentLogger });
  await pool.start();
  await pool.load(manifest);
  t.after(async () => void (await pool.close(10_000)));
  const values = new Uint8Array(randomBytes(64 * 256 * 4).map((byte) => byte & 0x3f));
  const total = 40;
  let sent = 0;
  let running = 0;
  let left: Promise<number> | undefined;
  class RealBatch extends FakeBatch {
    override gather() {
      running++;
      // With the last one on its way, the pool is told to close.
      if (++sent === total)
        queueMicrotask(() => {
          assert.ok(running > 0);
          left = pool.close(10_000);
        });
      const data = values.slice();
      return {
        key: this.key,
        inputs: [{ name: 'X', datatype: 'FP32' as const, shape: [64, 256], data }],
        outputs: ['Y'],
      };
    }
    override complete(outcome: Parameters<FakeBatch['complete']>[0]) {
      super.complete(outcome);
      running--;
    }
  }
  const batches = Array.from({ length: total }, () => source.add(new RealBatch()));
  while (left === undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await left, 0);
  assert.equal(running, 0);
  for (const batch of batches) {
    const [end] = batch.ends;
    assert.ok(end !== undefined && 'kind' in end && end.kind === 'success');
    assert.deepEqual(end.outputs[0]?.shape, [64, 256]);
  }
});

test('D66 a thread inside a run is never ended: closing waits for it, however impatient', async (t) => {
  const manifest = await prepared(t, matMulModel(512, 300));
  const channel = await threadChannels({
    clock: systemClock,
    recorder: { dropped() {} },
    intraOpThreads: 1,
    closeTimeoutMs: 1,
  })(0);
  t.after(() => channel.close());
  await channel.load(manifest);
  const running = runOn(channel, manifest, [fp32('X', [256, 512], new Array(256 * 512).fill(0.5))]);
  // The worker is inside the runtime by now: the run lasts for some hundred milliseconds.
  await new Promise((resolve) => setTimeout(resolve, 30));
  const closedAt = systemClock.now();
  await channel.close();
  const outcome = await running;
  assert.ok(outcome.kind === 'success', JSON.stringify(outcome));
  assert.ok(outcome.endedAt > closedAt + 20, 'the run outlasted the close time-out by far');
});
