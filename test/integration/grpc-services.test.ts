import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { credentials, type GrpcObject, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { systemClock } from '../../gateway/core/clock.js';
import { GatewayError } from '../../gateway/core/error.js';
import type { Infer, InferCall } from '../../gateway/core/infer-call.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { HealthService } from '../../gateway/grpc/health.js';
import { oipMethods } from '../../gateway/grpc/oip-service.js';
import { reflectionMethods } from '../../gateway/grpc/reflection.js';
import { GrpcTransport } from '../../gateway/grpc/server.js';
import { FakeCatalog } from '../support/fake-catalog.js';
import { frame, RawClient } from '../support/raw-grpc.js';

const proto = fileURLToPath(new URL('../../../proto', import.meta.url));
const packages = loadPackageDefinition(
  loadSync(
    [
      'inference/grpc_service.proto',
      'grpc/health/v1/health.proto',
      'grpc/reflection/v1/reflection.proto',
      'grpc/reflection/v1alpha/reflection.proto',
    ],
    { includeDirs: [proto], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
  ),
);

type Plain = Record<string, unknown>;
interface Stream {
  write(message: Plain): void;
  end(): void;
  cancel(): void;
  on(event: string, listener: (value: Plain) => void): Stream;
}
type Callback = (error: ServiceError | null, answer: Plain) => void;
type Client = { close(): void } & Record<string, (request?: Plain, callback?: Callback) => Stream>;

function service(path: string, port: number): Client {
  let found: unknown = packages;
  for (const part of path.split('.')) found = (found as GrpcObject)[part];
  const Constructor = found as new (address: string, security: unknown) => Client;
  return new Constructor(`127.0.0.1:${port}`, credentials.createInsecure());
}

function ask(client: Client, method: string, request: Plain): Promise<Plain> {
  return new Promise((resolve, reject) => {
    client[method]?.(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}

/** The messages of a stream as they come, and its final status. */
function collect(stream: Stream): { next: () => Promise<Plain>; status: Promise<number> } {
  const waiting: Plain[] = [];
  let wake: () => void = () => {};
  stream.on('data', (message) => {
    waiting.push(message);
    wake();
  });
  stream.on('error', () => {});
  const status = new Promise<number>((resolve) =>
    stream.on('status', (end) => resolve(end['code'] as number)),
  );
  const next = async (): Promise<Plain> => {
    if (waiting.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return waiting.shift() as Plain;
  };
  return { next, status };
}

async function start(t: TestContext, infer: Infer = () => Promise.reject(new Error('not called'))) {
  const catalog = new FakeCatalog();
  const state = { ready: true };
  const serverReady = (): boolean => state.ready;
  const health = new HealthService({ catalog, serverReady });
  const oip = oipMethods({
    infer,
    catalog,
    serverReady,
    live: () => true,
    clock: systemClock,
    version: '1.2.3',
  });
  const served = [...oip, ...health.methods()];
  const transport = new GrpcTransport({
    address: '127.0.0.1:0',
    methods: [...served, ...reflectionMethods(served)],
    clock: systemClock,
    logger: silentLogger,
  });
  const port = await transport.listen();
  const clients: Client[] = [];
  const raw = new RawClient(port);
  t.after(() => {
    for (const client of clients) client.close();
    raw.close();
    health.drain();
    transport.close();
  });
  const connect = (path: string): Client => {
    const client = service(path, port);
    clients.push(client);
    return client;
  };
  return {
    catalog,
    state,
    health,
    transport,
    raw,
    connect,
    inference: connect('inference.GRPCInferenceService'),
  };
}

/** Twice the input, as a model with one output would answer. */
const double: Infer = async (call: InferCall) => {
  const [input] = call.inputs;
  assert.ok(input);
  const floats = Float32Array.from(
    { length: input.data.length / 4 },
    (_, i) => 2 * new DataView(input.data.buffer, input.data.byteOffset).getFloat32(i * 4, true),
  );
  return {
    model: call.model,
    version: 3,
    id: call.id,
    outputs: [{ name: 'y', datatype: 'FP32', shape: input.shape, data: new Uint8Array(floats.buffer) }],
    timing: { queueMs: 0, computeMs: 0, batchRows: 1 },
  };
};

test('ModelInfer answers raw contents with model, concrete version and id, also to typed contents', async (t) => {
  const { inference } = await start(t, double);
  const answer = await ask(inference, 'ModelInfer', {
    model_name: 'm',
    id: 'x-1',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [2], contents: { fp32_contents: [1, 2.5] } }],
  });
  assert.equal(answer['model_name'], 'm');
  assert.equal(answer['model_version'], '3');
  assert.equal(answer['id'], 'x-1');
  const [raw] = answer['raw_output_contents'] as [Buffer];
  assert.deepEqual([raw.readFloatLE(0), raw.readFloatLE(4)], [2, 5]);
  const [output] = answer['outputs'] as [Plain];
  assert.deepEqual([output['name'], output['datatype'], output['shape']], ['y', 'FP32', ['2']]);
});

test('ModelInfer hands on deadline, parameters and outputs, and its error comes with the field at fault', async (t) => {
  let seen: InferCall | undefined;
  const { inference } = await start(t, async (call) => {
    seen = call;
    throw new GatewayError('INVALID_ARGUMENT', 'wrong', {
      reason: 'bad_request',
      field: 'inputs[0].shape',
      retryAfterMs: 5,
    });
  });
  const error = (await ask(inference, 'ModelInfer', {
    model_name: 'm',
    model_version: '2',
    parameters: { priority: { int64_param: '1' } },
    outputs: [{ name: 'y' }],
  }).catch((thrown: unknown) => thrown)) as ServiceError;
  assert.equal(error.code, 3);
  assert.equal(error.details, 'wrong');
  assert.deepEqual(error.metadata.get('grpc-retry-pushback-ms'), ['5']);
  const details = (error.metadata.get('grpc-status-details-bin')[0] as Buffer).toString('latin1');
  for (const part of ['google.rpc.BadRequest', 'inputs[0].shape', 'google.rpc.RetryInfo', 'BAD_REQUEST'])
    assert.ok(details.includes(part), part);
  assert.equal(seen?.version, '2');
  assert.deepEqual([...(seen?.parameters ?? [])], [['priority', 1n]]);
  assert.deepEqual(seen?.outputs, ['y']);
  assert.ok((seen?.deadline ?? 0) > systemClock.now());
});

test('B28 garbage for a message is INTERNAL on every method, with no internals in the text', async (t) => {
  const { raw } = await start(t);
  const garbage = frame(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x01]));
  for (const path of [
    '/inference.GRPCInferenceService/ModelInfer',
    '/inference.GRPCInferenceService/ModelReady',
    '/inference.GRPCInferenceService/RepositoryIndex',
    '/grpc.health.v1.Health/Check',
    '/grpc.health.v1.Health/Watch',
    '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  ]) {
    const answer = await raw.call(path, garbage);
    assert.equal(answer.status, 13, path);
    assert.match(answer.message, /^could not parse the request message: [\w ,.]+$/, path);
  }
});

test('C49 mixed contents and a wrong count of raw contents are INVALID_ARGUMENT on the wire', async (t) => {
  const { inference } = await start(t, double);
  const input = { name: 'x', datatype: 'FP32', shape: [1] };
  const typed = { ...input, contents: { fp32_contents: [1] } };
  for (const request of [
    { model_name: 'm', inputs: [typed], raw_input_contents: [Buffer.alloc(4)] },
    { model_name: 'm', inputs: [input, input], raw_input_contents: [Buffer.alloc(4)] },
    { model_name: 'm', inputs: [input], raw_input_contents: [Buffer.alloc(4), Buffer.alloc(4)] },
  ])
    await assert.rejects(ask(inference, 'ModelInfer', request), { code: 3 });
});

test('server and model: live, ready, metadata, index', async (t) => {
  const { inference, catalog, state } = await start(t);
  catalog.set('iris', 2, 'available');
  catalog.set('iris', 1, 'draining');
  catalog.set('broken', 1, 'failed', 'no such operator');
  catalog.set('empty', 0, 'failed', 'no version');
  catalog.set('new', 1, 'warming');
  assert.deepEqual(await ask(inference, 'ServerLive', {}), { live: true });
  assert.deepEqual(await ask(inference, 'ServerReady', {}), { ready: true });
  state.ready = false;
  assert.deepEqual(await ask(inference, 'ServerReady', {}), { ready: false });
  assert.deepEqual(await ask(inference, 'ServerMetadata', {}), {
    name: 'sluice',
    version: '1.2.3',
    extensions: [],
  });
  for (const [name, version, ready] of [
    ['iris', '', true],
    ['iris', '2', true],
    ['iris', '1', false],
    ['nobody', '', false],
  ] as const)
    assert.deepEqual(await ask(inference, 'ModelReady', { name, version }), { ready }, `${name}/${version}`);
  assert.deepEqual(await ask(inference, 'ModelMetadata', { name: 'iris' }), {
    name: 'iris',
    versions: ['2'],
    platform: 'onnxruntime_onnx',
    inputs: [{ name: 'X', datatype: 'FP32', shape: ['-1', '4'] }],
    outputs: [{ name: 'label', datatype: 'INT64', shape: ['-1'] }],
  });
  await assert.rejects(ask(inference, 'ModelMetadata', { name: 'nobody' }), {
    code: 5,
    details: /Request for unknown model/,
  });
  const line = (name: string, version: string, s: string, reason = ''): Plain => ({
    name,
    version,
    state: s,
    reason,
  });
  assert.deepEqual(await ask(inference, 'RepositoryIndex', {}), {
    models: [
      line('iris', '2', 'READY'),
      line('iris', '1', 'UNLOADING'),
      line('broken', '1', 'UNAVAILABLE', 'no such operator'),
      line('empty', '', 'UNAVAILABLE', 'no version'),
      line('new', '1', 'LOADING'),
    ],
  });
  assert.deepEqual(await ask(inference, 'RepositoryIndex', { ready: true }), {
    models: [line('iris', '2', 'READY')],
  });
  await assert.rejects(ask(inference, 'RepositoryIndex', { repository_name: 'r' }), { code: 12 });
});

test('what is not served yet says so by name, unary and stream', async (t) => {
  const { inference } = await start(t);
  for (const name of [
    'ModelConfig',
    'RepositoryModelLoad',
    'SystemSharedMemoryStatus',
    'TraceSetting',
    'LogSettings',
  ])
    await assert.rejects(ask(inference, name, {}), {
      code: 12,
      details: `${name} is not supported by this server`,
    });
  const stream = inference['ModelStreamInfer']?.() as Stream;
  assert.equal(await collect(stream).status, 12);
});

test('G98 Check of an unknown name is NOT_FOUND; Watch says SERVICE_UNKNOWN and then what happens', async (t) => {
  const { connect, catalog, state, health } = await start(t);
  const client = connect('grpc.health.v1.Health');
  assert.deepEqual(await ask(client, 'Check', {}), { status: 'SERVING' });
  assert.deepEqual(await ask(client, 'Check', { service: 'inference.GRPCInferenceService' }), {
    status: 'SERVING',
  });
  for (const unknown of ['sluice.model/iris', 'nobody', 'sluice.model/'])
    await assert.rejects(ask(client, 'Check', { service: unknown }), { code: 5 });

  const stream = client['Watch']?.({ service: 'sluice.model/iris' }) as Stream;
  const watch = collect(stream);
  assert.deepEqual(await watch.next(), { status: 'SERVICE_UNKNOWN' });
  catalog.set('iris', 1, 'loading');
  assert.deepEqual(await watch.next(), { status: 'NOT_SERVING' });
  catalog.set('iris', 1, 'available');
  assert.deepEqual(await watch.next(), { status: 'SERVING' });
  // A new version on its way changes nothing for the model, so the next thing said is its end.
  catalog.set('iris', 2, 'loading');
  catalog.set('other', 1, 'available');
  catalog.set('iris', 1, 'unloaded');
  assert.deepEqual(await watch.next(), { status: 'NOT_SERVING' });
  catalog.set('iris', 2, 'available');
  assert.deepEqual(await watch.next(), { status: 'SERVING' });
  assert.deepEqual(await ask(client, 'List', {}), {
    statuses: {
      '': { status: 'SERVING' },
      'inference.GRPCInferenceService': { status: 'SERVING' },
      'sluice.model/iris': { status: 'SERVING' },
      'sluice.model/other': { status: 'SERVING' },
    },
  });
  const whole = client['Watch']?.({}) as Stream;
  const server = collect(whole);
  assert.deepEqual(await server.next(), { status: 'SERVING' });
  state.ready = false;
  health.refresh();
  assert.deepEqual(await server.next(), { status: 'NOT_SERVING' });
  stream.cancel();
  whole.cancel();
  assert.equal(await watch.status, 1);
});

test('G101 a drain with open watches and an open reflection stream ends, after NOT_SERVING', async (t) => {
  const { connect, catalog, health, transport } = await start(t);
  catalog.set('iris', 1, 'available');
  const client = connect('grpc.health.v1.Health');
  const watches = ['', 'sluice.model/iris', 'sluice.model/unknown'].map((name) =>
    collect(client['Watch']?.({ service: name }) as Stream),
  );
  const talk = connect('grpc.reflection.v1.ServerReflection')['ServerReflectionInfo']?.() as Stream;
  const conversation = collect(talk);
  talk.write({ list_services: '' });
  await conversation.next();
  const first = await Promise.all(watches.map(({ next }) => next()));
  assert.deepEqual(
    first.map(({ status }) => status),
    ['SERVING', 'SERVING', 'SERVICE_UNKNOWN'],
  );

  health.drain();
  assert.deepEqual(await watches[0]?.next(), { status: 'NOT_SERVING' });
  assert.deepEqual(await watches[1]?.next(), { status: 'NOT_SERVING' });
  assert.deepEqual(await ask(client, 'Check', {}), { status: 'NOT_SERVING' });
  assert.equal(catalog.listeners, 0);
  await transport.drain();
  assert.deepEqual(await Promise.all(watches.map(({ status }) => status)), [0, 0, 0]);
  assert.equal(await conversation.status, 0);
});

test('G101 a drain alone tells a watch NOT_SERVING before it ends', async (t) => {
  const { connect, transport } = await start(t);
  const watch = collect(connect('grpc.health.v1.Health')['Watch']?.({}) as Stream);
  assert.deepEqual(await watch.next(), { status: 'SERVING' });
  await transport.drain();
  assert.deepEqual(await watch.next(), { status: 'NOT_SERVING' });
  assert.equal(await watch.status, 0);
});

test('reflection of both versions lists what is served and sends files with all their imports', async (t) => {
  const { connect } = await start(t);
  for (const version of ['v1', 'v1alpha']) {
    const talk = connect(`grpc.reflection.${version}.ServerReflection`)['ServerReflectionInfo']?.() as Stream;
    const { next, status } = collect(talk);
    talk.write({ list_services: '*' });
    const { list_services_response: list } = (await next()) as {
      list_services_response: { service: Plain[] };
    };
    assert.deepEqual(
      list.service.map(({ name }) => name),
      [
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
        'inference.GRPCInferenceService',
      ],
    );
    const files = async (request: Plain): Promise<number | string> => {
      talk.write(request);
      const answer = (await next()) as {
        file_descriptor_response?: { file_descriptor_proto: Buffer[] };
        error_response?: { error_code: number };
      };
      const { file_descriptor_response: found } = answer;
      if (!found) return answer.error_response?.error_code as number;
      // A descriptor begins with its name: field 1, length, text.
      return found.file_descriptor_proto
        .map((bytes) => bytes.subarray(2, 2 + (bytes[1] as number)).toString())
        .join(' ');
    };
    const both = 'inference/grpc_service.proto inference/model_config.proto';
    assert.equal(await files({ file_containing_symbol: 'inference.GRPCInferenceService' }), both);
    assert.equal(await files({ file_containing_symbol: 'inference.GRPCInferenceService.ModelInfer' }), both);
    assert.equal(
      await files({ file_containing_symbol: 'inference.ModelInferRequest.InferInputTensor' }),
      both,
    );
    assert.equal(
      await files({ file_containing_symbol: 'inference.TYPE_FP32' }),
      'inference/model_config.proto',
    );
    assert.equal(await files({ file_by_filename: 'inference/grpc_service.proto' }), both);
    assert.equal(
      await files({ file_containing_symbol: 'google.rpc.RetryInfo' }),
      'google/rpc/error_details.proto google/protobuf/duration.proto',
    );
    assert.equal(await files({ file_containing_symbol: 'inference.Nobody' }), 5);
    assert.equal(await files({ file_by_filename: 'nobody.proto' }), 5);
    assert.equal(
      await files({
        file_containing_extension: { containing_type: 'inference.ModelConfig', extension_number: 100 },
      }),
      5,
    );
    assert.equal(await files({}), 3);
    talk.write({ all_extension_numbers_of_type: 'inference.ModelConfig' });
    const { all_extension_numbers_response: numbers } = await next();
    assert.deepEqual(numbers, { base_type_name: 'inference.ModelConfig', extension_number: [] });
    talk.end();
    assert.equal(await status, 0);
  }
});
