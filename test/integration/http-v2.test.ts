/** The Open Inference Protocol over HTTP: a real server, real models, requests as clients write them. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Settings } from '../../gateway/config/from-settings.js';
import { ask } from '../support/http-client.js';
import { addModel, identityModel } from '../support/onnx-model.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';
import { useWaiting } from '../support/waiting-server.js';

const FLOWER = { name: 'X', shape: [1, 4], datatype: 'FP32', data: [5.1, 3.5, 1.4, 0.2] };
const INFER = '/v2/models/iris/infer';

const start = (t: TestContext, settings: Settings = {}) =>
  useGateway(t, {
    modelRepository: [EXAMPLES],
    workers: { count: 1 },
    models: { iris: { versionPolicy: 'all' } },
    ...settings,
  });

interface Answer {
  readonly id?: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    readonly data: readonly number[];
    readonly parameters?: Readonly<Record<string, number>>;
  }[];
}

test('infer: flat and nested data, members in any order, versions, outputs that are wanted; what comes back is right', async (t) => {
  const { httpPort } = await start(t);
  const answer = await ask(httpPort, INFER, { id: 'a1', inputs: [FLOWER] });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/);
  const { id, model_name, model_version, outputs } = answer.json<Answer>();
  assert.deepEqual([id, model_name, model_version], ['a1', 'iris', '2']);
  assert.deepEqual(
    outputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
    [
      ['label', 'INT64', [1]],
      ['probabilities', 'FP32', [1, 3]],
    ],
  );
  assert.deepEqual(outputs[0]?.data, [0]);
  assert.ok((outputs[1]?.data[0] ?? 0) > 0.99);
  const { name, shape, datatype } = FLOWER;
  const nested = `{"inputs":[{"data":[[5.1,3.5,1.4,0.2]],"datatype":"${datatype}","shape":${JSON.stringify(shape)},"name":"${name}","more":[{}]}],"outputs":[{"name":"label"}]}`;
  const one = await ask(httpPort, '/v2/models/iris/versions/1/infer', nested);
  assert.deepEqual(one.json<Answer>(), {
    model_name: 'iris',
    model_version: '1',
    outputs: [{ name: 'label', datatype: 'INT64', shape: [1], data: [0] }],
  });
  const classified = await ask(httpPort, INFER, {
    inputs: [FLOWER],
    outputs: [{ name: 'probabilities', parameters: { classification: 1 } }],
  });
  assert.match(String(classified.json<Answer>().outputs[0]?.data[0]), /^0\.99\d*:0/);
});

test('infer: tensors as bytes behind the JSON, both ways and mixed', async (t) => {
  const { httpPort } = await start(t, {
    modelRepository: [makeRepository(t, { 'wide/1/model.onnx': identityModel('FP32', ['N', 4096]) })],
    models: {},
  });
  const rows = new Float32Array(4 * 4096).map((_, i) => i / 7);
  const header = Buffer.from(
    JSON.stringify({
      inputs: [
        { name: 'X', shape: [4, 4096], datatype: 'FP32', parameters: { binary_data_size: rows.byteLength } },
      ],
      outputs: [{ name: 'Y', parameters: { binary_data: true } }],
    }),
  );
  const body = Buffer.concat([header, Buffer.from(rows.buffer)]);
  const headers = { 'inference-header-content-length': String(header.length) };
  const answer = await ask(httpPort, '/v2/models/wide/infer', body, { headers });
  assert.equal(answer.status, 200, answer.body.subarray(0, 300).toString());
  const length = Number(answer.headers['inference-header-content-length']);
  const { outputs } = JSON.parse(answer.body.subarray(0, length).toString()) as Answer;
  assert.equal(outputs[0]?.parameters?.['binary_data_size'], rows.byteLength);
  assert.deepEqual(answer.body.subarray(length), Buffer.from(rows.buffer));
  const asJson = {
    parameters: { binary_data_output: true },
    inputs: [{ name: 'X', shape: [1, 4096], datatype: 'FP32', data: [...rows.subarray(0, 4096)] }],
  };
  const all = await ask(httpPort, '/v2/models/wide/infer', asJson);
  const from = Number(all.headers['inference-header-content-length']);
  assert.deepEqual(all.body.subarray(from), Buffer.from(rows.buffer, 0, 4096 * 4));
  for (const [given, problem] of [
    [{ ...headers, 'inference-header-content-length': '99999999' }, /Inference-Header-Content-Length/],
    [{ 'inference-header-content-length': 'x' }, /Inference-Header-Content-Length/],
    [{ 'inference-header-content-length': String(header.length - 1) }, /failed to parse/],
  ] as const) {
    const refused = await ask(httpPort, '/v2/models/wide/infer', body, { headers: given });
    assert.equal(refused.status, 400);
    assert.match(refused.json<{ error: string }>().error, problem);
  }
  const row = Buffer.from(rows.buffer, 0, 4096 * 4);
  const raw = await ask(httpPort, '/v2/models/wide/infer', row, {
    headers: { 'inference-header-content-length': '0' },
  });
  assert.equal(raw.status, 200, raw.body.subarray(0, 300).toString());
  assert.deepEqual(raw.body.subarray(Number(raw.headers['inference-header-content-length'])), row);
  const short = await ask(httpPort, '/v2/models/wide/infer', body.subarray(0, -1), { headers });
  assert.match(short.json<{ error: string }>().error, /'binary_data_size' of input 'X' is 65536/);
  const long = await ask(httpPort, '/v2/models/wide/infer', Buffer.concat([body, Buffer.alloc(3)]), {
    headers,
  });
  assert.match(long.json<{ error: string }>().error, /3 bytes are left behind the tensors/);
});

test('what tells of the server and its models says what gRPC says', async (t) => {
  const { httpPort } = await start(t);
  const get = async (path: string) => (await ask(httpPort, path)).json();
  const { name, extensions } = await get('/v2');
  assert.equal(name, 'sluice');
  assert.ok((extensions as string[]).includes('classification'));
  assert.deepEqual(await get('/v2/health/live'), { live: true });
  assert.deepEqual(await get('/v2/health/ready'), { ready: true });
  assert.deepEqual(await get('/v2/models/iris/ready'), { name: 'iris', ready: true });
  assert.equal((await ask(httpPort, '/v2/models/nobody/ready')).status, 503);
  const { versions, inputs } = await get('/v2/models/iris');
  assert.deepEqual(versions, ['1', '2']);
  assert.deepEqual(inputs, [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }]);
  const config = await get('/v2/models/iris/versions/1/config');
  assert.equal(config['max_batch_size'], 256);
  await ask(httpPort, INFER, { inputs: [FLOWER] });
  const { model_stats } = await get('/v2/models/iris/versions/2/stats');
  assert.equal((model_stats as { inference_count: number }[])[0]?.inference_count, 1);
  const all = await get('/v2/models/stats');
  assert.equal((all['model_stats'] as unknown[]).length, 2);
  const index = await ask(httpPort, '/v2/repository/index', { ready: true });
  assert.deepEqual(
    index.json<{ name: string; state: string }[]>().map((each) => [each.name, each.state]),
    [
      ['iris', 'READY'],
      ['iris', 'READY'],
    ],
  );
  const missing = await ask(httpPort, '/v2/models/nobody');
  assert.equal(missing.status, 404);
  assert.match(missing.json<{ error: string }>().error, /unknown model: 'nobody'/);
});

test('loads and unloads by call: closed unless the control plane is open, and then as over gRPC', async (t) => {
  const repository = makeRepository(t, { 'add/1/model.onnx': addModel(1) });
  const explicit: Settings = { modelRepository: [repository], models: {}, modelControlMode: 'explicit' };
  const closed = await start(t, explicit);
  const refused = await ask(closed.httpPort, '/v2/repository/models/add/load', {});
  assert.equal(refused.status, 403);
  const { httpPort } = await start(t, { ...explicit, admin: { openOnGrpc: true } });
  assert.equal((await ask(httpPort, '/v2/models/add/ready')).status, 503);
  const loaded = await ask(httpPort, '/v2/repository/models/add/load', {
    parameters: { config: '{"max_batch_size":8}' },
  });
  assert.equal(loaded.status, 200, loaded.body.toString());
  assert.equal((await ask(httpPort, '/v2/models/add/config')).json()['max_batch_size'], 8);
  assert.equal((await ask(httpPort, '/v2/repository/models/add/unload', {})).status, 200);
  assert.equal((await ask(httpPort, '/v2/models/add/ready')).status, 503);
  const wrong = await ask(httpPort, '/v2/repository/models/add/load', { parameters: { config: 1 } });
  assert.match(wrong.json<{ error: string }>().error, /parameter 'config' is the number 1, wanted a text/);
});

test('bodies and answers may be compressed; ids, labels and timing go in headers', async (t) => {
  const { httpPort } = await start(t);
  const rows = Array.from({ length: 200 }, () => FLOWER.data);
  const body = gzipSync(JSON.stringify({ inputs: [{ ...FLOWER, shape: [200, 4], data: rows }] }));
  const headers = {
    'content-encoding': 'gzip',
    'accept-encoding': 'br, gzip;q=0.5',
    'x-request-id': 'r-7',
    'sluice-server-timing': '1',
  };
  const answer = await ask(httpPort, INFER, body, { headers });
  assert.equal(answer.status, 200, answer.body.toString());
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.equal(answer.headers['x-request-id'], 'r-7');
  assert.match(String(answer.headers['server-timing']), /^queue;dur=[\d.]+, compute;dur=[\d.]+/);
  const { id, outputs } = JSON.parse(gunzipSync(answer.body).toString()) as Answer;
  assert.equal(id, undefined);
  assert.equal(outputs[0]?.data.length, 200);
  const plain = await ask(httpPort, INFER, body, {
    headers: { 'content-encoding': 'gzip', 'accept-encoding': 'gzip;q=0' },
  });
  assert.equal(plain.headers['content-encoding'], undefined);
  assert.equal((await ask(httpPort, INFER, 'abc', { headers: { 'content-encoding': 'gzip' } })).status, 400);
  assert.equal((await ask(httpPort, INFER, body, { headers: { 'content-encoding': 'br' } })).status, 415);
});

test('a deadline in any of its headers is kept; a client that leaves takes its request with it', async (t) => {
  const { httpPort, gateway } = await useWaiting(
    t,
    { slow: { costMs: { fixed: 400 } } },
    { workers: { count: 1 } },
  );
  const path = '/v2/models/slow/infer';
  const body = { inputs: [{ name: 'X', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] };
  assert.equal((await ask(httpPort, path, body)).status, 200);
  for (const headers of [
    { 'sluice-timeout-ms': '40' },
    { 'grpc-timeout': '40m' },
    { 'x-envoy-expected-rq-timeout-ms': '40' },
  ])
    assert.equal((await ask(httpPort, path, body, { headers })).status, 504, JSON.stringify(headers));
  const wrong = await ask(httpPort, path, body, { headers: { 'sluice-timeout-ms': '1.5' } });
  assert.match(
    wrong.json<{ error: string }>().error,
    /the header 'sluice-timeout-ms' is '1\.5', wanted a whole number/,
  );
  const text = JSON.stringify(body);
  const leave = (): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(httpPort, '127.0.0.1', () => {
        socket.write(
          `POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${text.length}\r\n\r\n${text}`,
        );
        setTimeout(() => socket.destroy(), 60);
        socket.on('close', () => resolve());
      });
    });
  const first = ask(httpPort, path, body);
  await leave();
  await leave();
  const end = performance.now() + 5000;
  while (gateway.batcher.stats().entries > 1) {
    assert.ok(performance.now() < end, JSON.stringify(gateway.batcher.stats()));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal((await first).status, 200);
});

test('a server that drains answers what it has, and refuses what is new', async (t) => {
  const { httpPort, gateway } = await useWaiting(
    t,
    { slow: { costMs: { fixed: 300 } } },
    { workers: { count: 1 } },
  );
  const body = { inputs: [{ name: 'X', shape: [1, 4], datatype: 'FP32', data: [1, 2, 3, 4] }] };
  const under = ask(httpPort, '/v2/models/slow/infer', body);
  await new Promise((resolve) => setTimeout(resolve, 100));
  const stopped = gateway.stop();
  await new Promise((resolve) => setTimeout(resolve, 50));
  const late = await ask(httpPort, '/v2/models/slow/infer', body);
  assert.equal(late.status, 503);
  assert.ok(Number(late.headers['retry-after']) >= 1);
  assert.equal((await under).status, 200);
  await stopped;
});
