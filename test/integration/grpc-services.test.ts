import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceError } from '@grpc/grpc-js';
import { systemClock } from '../../gateway/core/clock.js';
import { GatewayError } from '../../gateway/core/error.js';
import type { Infer, InferCall } from '../../gateway/core/infer-call.js';
import { GRPCInferenceService } from '../../gateway/gen/inference/grpc_service_pb.js';
import { ask, type Plain, startServices } from '../support/grpc-services.js';
import { frame } from '../support/raw-grpc.js';

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
  const { inference } = await startServices(t, double);
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
  const { inference } = await startServices(t, async (call) => {
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
  const { raw } = await startServices(t);
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
  const { inference } = await startServices(t, double);
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
  const { inference, catalog, state } = await startServices(t);
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
    extensions: [
      'classification',
      'model_repository',
      'model_configuration',
      'statistics',
      'logging',
      'trace',
    ],
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

test('what is not served says so by name, and why where there is a reason', async (t) => {
  const { inference } = await startServices(t);
  for (const kind of ['System', 'Cuda'])
    for (const verb of ['Status', 'Register', 'Unregister'])
      await assert.rejects(ask(inference, `${kind}SharedMemory${verb}`, {}), {
        code: 12,
        details: /SharedMemory\w+ is not supported: .* send tensors in the request/,
      });
  for (const name of ['RepositoryModelLoad', 'RepositoryModelUnload']) {
    await assert.rejects(ask(inference, name, { model_name: 'm' }), {
      code: 14,
      details: /^explicit model load \/ unload is not allowed if polling is enabled/,
    });
    await assert.rejects(ask(inference, name, { model_name: 'm', repository_name: 'r' }), { code: 12 });
  }
});

test('clients are told the largest message', async (t) => {
  const { inference } = await startServices(t, undefined, { maxMessageBytes: 1000 });
  const { extensions } = (await ask(inference, 'ServerMetadata', {})) as { extensions: string[] };
  assert.equal(extensions.at(-1), 'max_message_bytes=1000');
});

test('every method of the service is served: none falls to the transport', async (t) => {
  const { paths } = await startServices(t);
  for (const method of GRPCInferenceService.methods)
    assert.ok(paths.includes(`/inference.GRPCInferenceService/${method.name}`), method.name);
});
