/** One caller's bad input, or a model that goes wrong: who pays for it, and who does not. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createClient, type SluiceClient, SluiceClientError } from '../../client/client.js';
import type { Settings } from '../../gateway/config/from-settings.js';
import { countedRuns, type SentRun } from '../support/counted-runs.js';
import { inferRaw } from '../support/infer-raw.js';
import { addModel, gatherModel, vanishingModel } from '../support/onnx-model.js';
import { RawClient } from '../support/raw-grpc.js';
import { scrape } from '../support/scrape.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';

interface Running extends RunningGateway {
  readonly client: SluiceClient;
  /** All that was sent to the worker. */
  readonly runs: readonly SentRun[];
}

async function serve(t: TestContext): Promise<Running> {
  const repository = makeRepository(t, {
    'gather/1/model.onnx': gatherModel(),
    'add/1/model.onnx': addModel(1),
    'vanishing/1/model.onnx': vanishingModel(),
  });
  const { openChannel, runs } = countedRuns();
  // Batches as large as they can be, so that it is known who shares one.
  const settings: Settings = {
    modelRepository: [repository],
    workers: { count: 1 },
    queue: { batchChoice: false },
  };
  const running = await useGateway(t, settings, { openChannel });
  const client = createClient({ address: running.address });
  t.after(() => client.close());
  for (const name of ['gather', 'add', 'vanishing']) await client.modelMetadata(name);
  return { ...running, client, runs };
}

/** Makes all these calls wait until they are in one queue, so that they share a batch. */
async function inOneBatch<T>({ gateway }: Running, calls: readonly (() => Promise<T>)[]) {
  gateway.batcher.hold();
  const settled = Promise.allSettled(calls.map((call) => call()));
  while (gateway.batcher.stats().entries < calls.length)
    await new Promise((resolve) => setImmediate(resolve));
  gateway.batcher.release();
  return settled;
}

function codeOf(outcome: PromiseSettledResult<unknown> | undefined): string {
  if (outcome?.status === 'fulfilled') return 'OK';
  assert.ok(outcome?.reason instanceof SluiceClientError);
  return outcome.reason.code;
}

test('C55 C56 one index out of the table among 32 callers: INVALID_ARGUMENT for its owner, the others as if alone', async (t) => {
  const running = await serve(t);
  const gather = running.client.model<{ Y: number[][] }>('gather');
  const index = (i: number) => (i === 17 ? 99 : i % 8);
  const outcomes = await inOneBatch(
    running,
    Array.from({ length: 32 }, (_, i) => () => gather.predict({ I: [[index(i)]] })),
  );
  // 32, then two halves of each batch that was refused: 1 + 2 log2(32).
  assert.deepEqual(
    running.runs.map(({ rows }) => rows),
    [32, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1],
  );
  for (const [i, outcome] of outcomes.entries()) {
    if (i === 17) {
      assert.equal(codeOf(outcome), 'INVALID_ARGUMENT');
      assert.match(String((outcome as PromiseRejectedResult).reason), /idx=99 must be within/);
      continue;
    }
    assert.ok(outcome.status === 'fulfilled', `row ${i}: ${codeOf(outcome)}`);
    const alone = await gather.predict({ I: [[index(i)]] });
    assert.deepEqual(outcome.value.outputs.Y.bytes(), alone.outputs.Y.bytes(), `row ${i}`);
  }
  const labels = '{model="gather",version="1",code="INVALID_ARGUMENT"}';
  assert.equal(await scrape(running, `sluice_requests_total${labels}`), 1);
});

test('C55 C56 32 indices out of the table, all in one batch: each owner gets what was said of its own, after 63 runs', async (t) => {
  const running = await serve(t);
  const gather = running.client.model('gather');
  const outcomes = await inOneBatch(
    running,
    Array.from({ length: 32 }, (_, i) => () => gather.predict({ I: [[100 + i]] })),
  );
  for (const [i, outcome] of outcomes.entries()) {
    assert.equal(codeOf(outcome), 'INVALID_ARGUMENT');
    assert.match(
      String((outcome as PromiseRejectedResult).reason),
      new RegExp(`idx=${100 + i} must be within`),
    );
  }
  // 32 of one row, and the 31 batches that had to be halved for that: less than twice as many runs as one by one.
  assert.equal(running.runs.length, 63);
  assert.equal(running.runs.filter(({ rows }) => rows === 1).length, 32);
  // The worker is none the worse.
  assert.deepEqual((await gather.predict({ I: [[3]] })).outputs['Y']?.data, [[30]]);
  assert.equal(running.gateway.pool.status()[0]?.restarts, 0);
});

test('C57 an output with rows missing is INTERNAL for those who shared the batch, counted, and nobody gets another’s rows', async (t) => {
  const running = await serve(t);
  const model = running.client.model<{ Y: number[] }>('vanishing');
  const together = await inOneBatch(
    running,
    [1, 2000, 3].map((x) => () => model.predict({ X: [x] })),
  );
  assert.deepEqual(together.map(codeOf), ['INTERNAL', 'INTERNAL', 'INTERNAL']);
  assert.match(
    String((together[0] as PromiseRejectedResult).reason),
    /output 'Y' has shape \[2\] after a batch of 3 rows/,
  );
  const labels = '{model="vanishing",version="1",code="INTERNAL"}';
  assert.equal(await scrape(running, `sluice_requests_total${labels}`), 3);
  // Alone, what the model made is what the caller gets. NaN is an answer like any other.
  assert.deepEqual((await model.predict({ X: [2000] })).outputs.Y.data, []);
  const nan = await running.client.model<{ Y: unknown[][] }>('add').predict({ X: [['NaN', 1, 2, 3]] });
  assert.deepEqual(nan.outputs.Y.data, [['NaN', 2, 3, 4]]);
});

test('C58 parameters: a known key of another type or below 0 is refused, what is not known is let through', async (t) => {
  const { client, grpcPort } = await serve(t);
  const X = [[1, 2, 3, 4]];
  const good = { priority: 1n, timeout: 5_000_000n, sequence_id: 'a', binary_data_output: true, mine: 'x' };
  await client.model('add').predict({ X }, { parameters: good });
  const bad = { priority: -1n, timeout: 'soon', sequence_start: 1n };
  for (const [key, value] of Object.entries(bad))
    await assert.rejects(client.model('add').predict({ X }, { parameters: { [key]: value } }), (error) => {
      assert.ok(error instanceof SluiceClientError);
      assert.equal(error.code, 'INVALID_ARGUMENT');
      assert.match(error.message, new RegExp(`parameter '${key}' is`));
      return true;
    });
  const raw = new RawClient(grpcPort);
  t.after(() => raw.close());
  const empty = await inferRaw(raw, {
    modelName: 'add',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1n, 4n] }],
    rawInputContents: [new Uint8Array(16)],
    parameters: { priority: {}, timeout: {} },
  });
  assert.equal(empty.status, 0, empty.message);
});

test('C59 a request id that is in flight twice is served twice, each with its own answer', async (t) => {
  const running = await serve(t);
  const add = running.client.model<{ Y: number[][] }>('add');
  const outcomes = await inOneBatch(
    running,
    [10, 20].map((x) => () => add.predict({ X: [[x, x, x, x]] }, { requestId: 'same' })),
  );
  const answers = outcomes.map((outcome) => {
    assert.ok(outcome.status === 'fulfilled');
    return [outcome.value.id, outcome.value.outputs.Y.data[0]?.[0]];
  });
  assert.deepEqual(answers, [
    ['same', 11],
    ['same', 21],
  ]);
});
