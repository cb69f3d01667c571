/** ModelStreamInfer through grpc-js, on a real server with real models. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Settings } from '../../gateway/config/from-settings.js';
import type { GatewayDependencies } from '../../gateway/gateway.js';
import { countedRuns } from '../support/counted-runs.js';
import { type Client, collect, type Plain, type Stream, service } from '../support/grpc-services.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

const SERVICE = 'inference.GRPCInferenceService';
const FINAL = { bool_param: true, parameter_choice: 'bool_param' };

async function serve(t: TestContext, settings: Settings, dependencies: GatewayDependencies = {}) {
  const running = await useGateway(t, settings, dependencies);
  const client: Client = service(SERVICE, running.grpcPort);
  t.after(() => client.close());
  const open = (): Stream => (client['ModelStreamInfer'] as unknown as () => Stream)();
  return { ...running, client, open };
}

function iris(id: string, row: readonly number[], model = 'iris'): Plain {
  return {
    model_name: model,
    id,
    inputs: [{ name: 'X', datatype: 'FP32', shape: [1, 4], contents: { fp32_contents: row } }],
  };
}

const inner = (answer: Plain): Plain => answer['infer_response'] as Plain;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const ROWS = [
  [5.1, 3.5, 1.4, 0.2],
  [6.7, 3.1, 4.7, 1.5],
  [6.3, 3.3, 6, 2.5],
];

test('two hundred requests in one stream are answered in order, each by its own row, and the end is OK', async (t) => {
  const { open, client } = await serve(t, { modelRepository: [EXAMPLES] });
  const stream = open();
  const { next, status } = collect(stream);
  for (let i = 0; i < 200; i++) stream.write(iris(`r${i}`, ROWS[i % 3] as number[]));
  stream.end();
  for (let i = 0; i < 200; i++) {
    const answer = await next();
    assert.equal(answer['error_message'], '');
    const { id, model_name, model_version, parameters, outputs, raw_output_contents } = inner(answer);
    assert.deepEqual([id, model_name, model_version], [`r${i}`, 'iris', '2']);
    assert.deepEqual(parameters, { triton_final_response: FINAL });
    assert.equal((outputs as Plain[])[0]?.['name'], 'label');
    assert.equal((raw_output_contents as Buffer[])[0]?.readBigInt64LE(), BigInt(i % 3));
  }
  assert.equal(await status, 0);
  // Never on a unary answer.
  const unary = await new Promise<Plain>((resolve, reject) =>
    client['ModelInfer']?.(iris('u', ROWS[0] as number[]), (error, answer) =>
      error === null ? resolve(answer) : reject(error),
    ),
  );
  assert.deepEqual(unary['parameters'], {});
});

test('C44 an unknown model and a bad input are told in the stream, which goes on', async (t) => {
  const { open } = await serve(t, { modelRepository: [EXAMPLES] });
  const stream = open();
  const { next, status } = collect(stream);
  stream.write(iris('1', ROWS[0] as number[], 'nobody'));
  stream.write({ ...iris('2', []), inputs: [] });
  stream.write(iris('3', ROWS[2] as number[]));
  stream.end();
  const [unknown, bad, good] = [await next(), await next(), await next()];
  assert.match(unknown['error_message'] as string, /Request for unknown model: 'nobody'/);
  assert.match(bad['error_message'] as string, /^\[request id: 2\] expected 1 inputs but got 0 inputs/);
  assert.deepEqual(
    [unknown, bad, good].map((answer) => inner(answer)['id']),
    ['1', '2', '3'],
  );
  assert.deepEqual(inner(unknown)['parameters'], { triton_final_response: FINAL });
  assert.equal(good['error_message'], '');
  assert.equal(await status, 0);
});

test('a client that sends and sends is held back by the transport: no more is taken than allowed', async (t) => {
  const { open, gateway } = await serve(t, {
    modelRepository: [EXAMPLES],
    grpc: { maxStreamInFlight: 4 },
  });
  const stream = open();
  const { next, status } = collect(stream);
  gateway.batcher.hold();
  for (let i = 0; i < 100; i++) stream.write(iris(`r${i}`, ROWS[0] as number[]));
  stream.end();
  while (gateway.batcher.stats().entries < 4) await turn();
  for (let i = 0; i < 200; i++) await turn();
  assert.equal(gateway.batcher.stats().entries, 4);
  gateway.batcher.release();
  for (let i = 0; i < 100; i++) assert.equal(inner(await next())['id'], `r${i}`);
  assert.equal(await status, 0);
});

test('a client that does not read is read no further: its answers do not pile up', async (t) => {
  const spec = { inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }], maxBatchSize: 4096 };
  const repository = makeRepository(t, {
    'echo/1/model.wait.json': Buffer.from(JSON.stringify(spec)),
  });
  const { openChannel, runs } = countedRuns();
  const settings: Settings = {
    modelRepository: [repository],
    workers: { enableWaitingRuntime: true },
    grpc: { maxStreamInFlight: 8 },
  };
  const { open } = await serve(t, settings, { openChannel });
  const stream = open();
  const { next, status } = collect(stream);
  stream.pause();
  const data = Buffer.alloc(4096 * 16);
  const inputs = [{ name: 'X', datatype: 'FP32', shape: [4096, 4] }];
  for (let i = 0; i < 100; i++)
    stream.write({ model_name: 'echo', id: `r${i}`, inputs, raw_input_contents: [data] });
  stream.end();
  const quiet = async (): Promise<void> => {
    for (let before = -1; before !== runs.length; ) {
      before = runs.length;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await quiet();
  // Those in flight, and what windows and streams on the way to the client take.
  const ran = runs.length;
  assert.ok(ran >= 8 && ran < 50, `${ran} of 100 requests ran although no answer was read`);
  stream.resume();
  for (let i = 0; i < 100; i++) assert.equal(inner(await next())['id'], `r${i}`);
  assert.equal(await status, 0);
});

test('B35 a client that cancels takes its waiting requests with it, and none of another stream', async (t) => {
  const { open, gateway } = await serve(t, { modelRepository: [EXAMPLES] });
  gateway.batcher.hold();
  const [leaves, stays] = [open(), open()];
  const left = collect(leaves);
  const { next, status } = collect(stays);
  for (let i = 0; i < 10; i++) leaves.write(iris(`l${i}`, ROWS[0] as number[]));
  stays.write(iris('s', ROWS[1] as number[]));
  stays.end();
  while (gateway.batcher.stats().entries < 11) await turn();
  leaves.cancel();
  assert.equal(await left.status, 1);
  while (gateway.batcher.stats().entries > 1) await turn();
  gateway.batcher.release();
  assert.equal(inner(await next())['id'], 's');
  assert.equal(await status, 0);
});

test('B34 the longest time of a call bounds each request of a stream that has no deadline', async (t) => {
  const repository = makeRepository(t, {
    'slow/1/model.wait.json': Buffer.from(JSON.stringify({ costMs: { fixed: 600 } })),
  });
  const { open } = await serve(t, {
    modelRepository: [repository, EXAMPLES],
    workers: { enableWaitingRuntime: true, count: 2 },
    grpc: { maxDeadlineMs: 300 },
  });
  const stream = open();
  const { next, status } = collect(stream);
  stream.write(iris('late', ROWS[0] as number[], 'slow'));
  stream.write(iris('good', ROWS[0] as number[]));
  assert.match((await next())['error_message'] as string, /^deadline exceeded/);
  const good = await next();
  assert.deepEqual([good['error_message'], inner(good)['id']], ['', 'good']);
  stream.end();
  assert.equal(await status, 0);
});

test('G101 a stop answers what a stream has in flight, and ends it', async (t) => {
  const { open, gateway } = await serve(t, { modelRepository: [EXAMPLES] });
  const stream = open();
  const { next, status } = collect(stream);
  gateway.batcher.hold();
  stream.write(iris('last', ROWS[0] as number[]));
  while (gateway.batcher.stats().entries < 1) await turn();
  const stopped = gateway.stop();
  while (gateway.phase !== 'draining') await turn();
  for (let i = 0; i < 50; i++) await turn();
  gateway.batcher.release();
  const answer = await next();
  assert.deepEqual([answer['error_message'], inner(answer)['id']], ['', 'last']);
  assert.equal(await status, 14);
  assert.equal((await stopped).callsCut, 0);
});

test('B28 garbage ends the stream with INTERNAL', async (t) => {
  const { grpcPort } = await serve(t, { modelRepository: [EXAMPLES] });
  const raw = new RawClient(grpcPort);
  t.after(() => raw.close());
  const answer = await raw.call(`/${SERVICE}/ModelStreamInfer`, frame(Buffer.from([0x0a, 0xff])));
  assert.equal(answer.status, 13);
  assert.match(answer.message, /^could not parse the request message/);
});
