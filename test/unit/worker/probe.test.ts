import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Signature } from '../../../gateway/core/model.js';
import { probe, type Runnable } from '../../../worker/probe.js';
import type { WireTensor } from '../../../worker/protocol.js';

const signature = (shape: number[] = [-1, 2], maxBatchSize = 256): Signature => ({
  inputs: [{ name: 'X', datatype: 'FP32', shape }],
  outputs: [{ name: 'Y', datatype: 'FP32', shape }],
  batchable: maxBatchSize > 0,
  maxBatchSize,
});

/** A session of whatever behaviour, each run of which takes `msPerRow` by its own account. */
function session(answer: (input: WireTensor) => WireTensor, msPerRow = 0.01) {
  const rows: number[] = [];
  let time = 5000;
  const runnable: Runnable = {
    async run(inputs) {
      const [input] = inputs as [WireTensor];
      rows.push(input.shape[0] ?? 1);
      const startedAt = time;
      time += msPerRow * (input.shape[0] ?? 1);
      return { outputs: [{ ...answer(input), name: 'Y' }], startedAt, endedAt: time };
    },
  };
  const probed = (of: Signature, budgetMs = 2000) => probe(runnable, of, budgetMs, () => time);
  return { probed, rows };
}

const scaled = (input: WireTensor, factor: number): WireTensor => ({
  ...input,
  data: new Uint8Array(new Float32Array(input.data.slice().buffer).map((value) => value * factor).buffer),
});

test('eight rows alone, as one batch and as two', async () => {
  const { probed, rows } = session((input) => input);
  const result = await probed(signature());
  assert.equal(result.check, 'verified');
  assert.deepEqual(rows.slice(0, 12), [1, 1, 1, 1, 1, 1, 1, 1, 1, 8, 4, 4]);
  assert.deepEqual(
    result.latency.map((sample) => sample.rows),
    [1, 2, 4, 8, 16, 32],
  );
  assert.ok(Math.abs((result.latency[3]?.ms ?? 0) - 0.08) < 0.01, 'the median of the runs');
});

test('what is off by rounding agrees, what is off by more differs', async () => {
  const off = (factor: number) => session((input) => (input.shape[0] === 1 ? input : scaled(input, factor)));
  assert.equal((await off(1 + 4e-6).probed(signature())).check, 'verified');
  const differs = await off(1 + 1e-3).probed(signature());
  assert.equal(differs.check, 'differs');
  assert.match(differs.why, /in a batch and .* alone/);
  assert.deepEqual(
    differs.latency.map((sample) => sample.rows),
    [1],
    'it will only ever run alone',
  );
});

test('a row that does not answer with a row, and a batch that fails, differ', async () => {
  const twoRows = session((input) => ({ ...input, shape: [2, 1] }));
  assert.match((await twoRows.probed(signature())).why, /one row does not give one row/);
  const failing = session((input) => {
    if ((input.shape[0] ?? 0) > 1) throw new Error('no batches here');
    return input;
  });
  const result = await failing.probed(signature());
  assert.deepEqual([result.check, result.why], ['differs', 'it fails in a batch (no batches here)']);
});

test('a model that refuses what is made up is unknown; other sizes of open dimensions are tried first', async () => {
  const never = session(() => {
    throw new Error('not like this');
  });
  const refused = await never.probed(signature());
  assert.deepEqual([refused.check, refused.why], ['unknown', 'it refused made-up input (not like this)']);
  const only32 = session((input) => {
    if (input.shape[1] !== 32) throw new Error('too small');
    return input;
  });
  assert.equal((await only32.probed(signature([-1, -1]))).check, 'verified');
  assert.deepEqual(only32.rows.slice(0, 4), [1, 1, 1, 1]);
});

test('an unbatchable model is timed alone', async () => {
  const { probed } = session((input) => input);
  const result = await probed(signature([-1, 2], 0));
  assert.deepEqual([result.check, result.latency.length], ['unbatchable', 1]);
});

test('a small max_batch_size bounds the check and the samples', async () => {
  const { probed, rows } = session((input) => input);
  const result = await probed(signature([-1, 2], 3));
  assert.equal(result.check, 'verified');
  assert.ok(Math.max(...rows) <= 3);
  assert.deepEqual(
    result.latency.map((sample) => sample.rows),
    [1, 2],
  );
});

test('no time left: unknown, with few runs', async () => {
  const { probed, rows } = session((input) => input, 50);
  const result = await probed(signature(), 0);
  assert.deepEqual([result.check, result.why], ['unknown', 'it is too slow to be tried in time']);
  assert.ok(rows.length <= 6, `${rows.length} runs`);
});

test('a slow model is checked with fewer rows, and timed as far as the time goes', async () => {
  const { probed, rows } = session((input) => input, 100);
  const result = await probed(signature(), 2000);
  assert.equal(result.check, 'verified');
  // 1.9 s are left after the first run: n rows cost 3n runs' time in all.
  const batch = Math.max(...rows);
  assert.ok(batch >= 2 && batch < 8, `a batch of ${batch}`);
  assert.ok(rows.reduce((sum, count) => sum + count, 0) * 100 <= 2200, 'and the budget is kept');
});

test('where made-up rows are refused, those of the warm-up take their place; copies of one row verify nothing', async () => {
  const given = (varied: boolean) => {
    let next = 0;
    const row = () => {
      const value = varied ? ++next : 1;
      const data = new Uint8Array(Float32Array.of(100, value).buffer);
      return [{ name: 'X', datatype: 'FP32', shape: [1, 2], data }];
    };
    return { row, varied };
  };
  // Takes only rows that begin with 100: made-up values are far below.
  const runnable = (answer: (input: WireTensor) => WireTensor): Runnable => ({
    async run(inputs) {
      const [input] = inputs as [WireTensor];
      if (new Float32Array(input.data.slice().buffer)[0] !== 100) throw new Error('no such row');
      return { outputs: [{ ...answer(input), name: 'Y' }], startedAt: 0, endedAt: 0.01 };
    },
  });
  const check = async (answer: (input: WireTensor) => WireTensor, varied: boolean) => {
    const { check, latency } = await probe(runnable(answer), signature(), 2000, () => 0, given(varied));
    return [check, latency.length > 1];
  };
  assert.deepEqual(await check((input) => input, true), ['verified', true]);
  assert.deepEqual(await check((input) => input, false), ['unknown', true]);
  const summed = (input: WireTensor) => scaled(input, input.shape[0] ?? 1);
  assert.deepEqual(await check(summed, false), ['differs', false]);
});
