import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { loadSync } from '@grpc/proto-loader';
import { readOptions } from '../../../bench/options.js';
import { parsePage, serverFigures } from '../../../bench/targets/server-figures.js';
import { makeTemplates, type TemplateSources } from '../../../bench/targets/templates.js';
import { encodePredict } from '../../../bench/targets/tfs.js';
import type { ModelMetadata } from '../../../client/client.js';
import type { WireInferRequest, WireInferResponse } from '../../../client/wire.js';

const PROTO = fileURLToPath(new URL('../../../../test/fixtures/tfs/predict.proto', import.meta.url));

test('a PredictRequest is what an independent reader of its proto file makes of it', () => {
  const definitions = loadSync(PROTO, { keepCase: true, longs: Number, defaults: true });
  const type = definitions['tensorflow.serving.PredictRequest'] as unknown as MessageTypeDefinition<
    object,
    object
  >;
  const x = Float32Array.of(1, 2, 3, 4);
  const data = new Uint8Array(x.buffer);
  const word = Buffer.from('\u0002\0\0\0hi\0\0\0\0', 'latin1');
  const bytes = encodePredict({
    model: 'größe',
    version: '300',
    signatureName: 'serving_default',
    tensors: [
      { name: 'x', datatype: 'FP32', shape: [1, 4], data },
      { name: 'word', datatype: 'BYTES', shape: [2, 0], data: word },
    ],
  });
  assert.deepEqual(type.deserialize(Buffer.from(bytes)), {
    model_spec: { name: 'größe', version: { value: 300 }, signature_name: 'serving_default' },
    inputs: {
      x: {
        dtype: 1,
        tensor_shape: { dim: [{ size: 1 }, { size: 4 }] },
        tensor_content: Buffer.from(data),
        string_val: [],
      },
      word: {
        dtype: 7,
        tensor_shape: { dim: [{ size: 2 }, { size: 0 }] },
        tensor_content: Buffer.alloc(0),
        string_val: [Buffer.from('hi'), Buffer.alloc(0)],
      },
    },
  });
  const tensor = { name: 'x', datatype: 'COMPLEX', shape: [], data };
  assert.throws(
    () => encodePredict({ model: 'm', version: '', signatureName: '', tensors: [tensor] }),
    /Input "x" is COMPLEX; TensorFlow Serving takes FP32, /,
  );
});

const IRIS: ModelMetadata = {
  name: 'iris',
  versions: ['1'],
  platform: '',
  inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 2] }],
  outputs: [{ name: 'label', datatype: 'INT64', shape: [-1] }],
};

/** A server that knows one model and answers each request with its first byte. */
function sources(
  files: Record<string, string> = {},
  metadata = IRIS,
): TemplateSources & { asked: WireInferRequest[] } {
  const asked: WireInferRequest[] = [];
  return {
    asked,
    signature: async () => metadata,
    ask: async (request): Promise<WireInferResponse> => {
      asked.push(request);
      const raw = Buffer.from([asked.length, 0, 0, 0, 0, 0, 0, 0]);
      return {
        model_name: 'iris',
        model_version: '1',
        id: '',
        outputs: [{ name: 'label', datatype: 'INT64', shape: ['1'], contents: null }],
        raw_output_contents: [raw],
      };
    },
    readBytes: async (path) => {
      const text = files[path];
      if (text === undefined) throw new Error('no such file');
      return Buffer.from(text);
    },
  };
}

test('templates: bodies from the signature, sixteen random ones', async () => {
  const [template] = await makeTemplates(readOptions('iris', { rows: '3' }), sources());
  assert.equal(template?.path, '/inference.GRPCInferenceService/ModelInfer');
  assert.deepEqual([template?.name, template?.rows, template?.bodies.length], ['iris x3', 3, 16]);
  assert.equal(new Set(template?.bodies.map((body) => Buffer.from(body).toString('hex'))).size, 16);
  const [zeros] = await makeTemplates(readOptions('iris', { data: ['zeros'] }), sources());
  assert.equal(zeros?.bodies.length, 1);
});

test('templates: given rows and given answers stay together', async () => {
  const files = { 'x.json': '[[1, 2], [3, 4], [5, 6]]', 'y.json': '{"label": [7, 8, 9]}' };
  const options = readOptions('iris', { data: ['x.json'], expect: 'y.json', rows: '2' });
  const [template] = await makeTemplates(options, sources(files));
  const labels = template?.expect?.map(({ outputs: [label] }) => [
    ...new BigInt64Array(Uint8Array.from(label?.raw ?? []).buffer),
  ]);
  assert.deepEqual(labels, [
    [7n, 8n],
    [9n, 7n],
  ]);
  assert.deepEqual(template?.expect?.[0]?.absolute, 1e-6);
});

test('templates: --expect first asks once for each body', async () => {
  const from = sources();
  const [template] = await makeTemplates(readOptions('iris', { expect: 'first', bodies: '3' }), from);
  assert.equal(from.asked.length, 3);
  assert.deepEqual(
    template?.expect?.map(({ outputs: [label] }) => label?.raw[0]),
    [1, 2, 3],
  );
});

test('templates: TensorFlow Serving is not asked for anything', async () => {
  const options = readOptions('half', { service: 'tfs', input: ['x:FP32:-1,4'], rows: '2' });
  const refused = { ...sources(), signature: () => Promise.reject(new Error('asked')) };
  const [template] = await makeTemplates(options, refused);
  assert.equal(template?.path, '/tensorflow.serving.PredictionService/Predict');
});

test('templates: what does not fit is refused by flag', async () => {
  const fixed = { ...IRIS, inputs: [{ name: 'X', datatype: 'FP32', shape: [2] }] };
  const files = { 'x.json': '[[1, 2], [3, 4]]', 'y.json': '{"label": [7]}' };
  const table: readonly [
    flags: Record<string, string | string[]>,
    message: RegExp,
    metadata?: ModelMetadata,
  ][] = [
    [{ rows: '2' }, /takes no batches .*wanted --rows 1, not 2/, fixed],
    [{ data: ['gone.json'] }, /--data gone\.json: no such file/],
    [{ data: ['x.json', 'x.json'] }, /"X" of model "iris" not exactly once/],
    [{ data: ['Z=x.json'] }, /the model has no input "Z"/],
    [{ data: ['x.json'], expect: 'y.json' }, /makes 1 answers; --data makes 2 requests/],
    [{}, /names no inputs of model "iris"; give them, e\.g\. --input/, { ...IRIS, inputs: [] }],
  ];
  for (const [flags, message, metadata] of table)
    await assert.rejects(makeTemplates(readOptions('iris', flags), sources(files, metadata)), message);
});

test("Prometheus' text format is read with its labels", () => {
  const page =
    '# HELP a b\n# TYPE a counter\na{model="x \\"y\\"",le="+Inf"} 3\nb 1e3 1700000000\n\nnonsense\n';
  assert.deepEqual(parsePage(page), [
    { name: 'a', labels: { model: 'x "y"', le: '+Inf' }, value: 3 },
    { name: 'b', labels: {}, value: 1000 },
  ]);
});

test('server figures are differences, of the models that were called', () => {
  const page = (rows: number, batches: number, queueS: number, requests: number): string => `
sluice_batch_rows_sum{model="iris",version="1"} ${rows}
sluice_batch_rows_count{model="iris",version="1"} ${batches}
sluice_batch_rows_sum{model="other",version="1"} ${rows * 100}
sluice_batch_compute_duration_seconds_sum{model="iris",version="1"} ${batches / 500}
sluice_batch_compute_duration_seconds_count{model="iris",version="1"} ${batches}
sluice_request_queue_duration_seconds_sum{model="iris",version="1"} ${queueS}
sluice_request_queue_duration_seconds_count{model="iris",version="1"} ${requests}`;
  const figures = serverFigures(page(100, 50, 1, 100), page(400, 150, 1.75, 400), ['iris']);
  assert.deepEqual(figures, { batchRows: 3, batches: 100, queueMs: 2.5, computeMs: 2 });
  const fresh = serverFigures('', page(8, 2, 0, 8), ['iris']);
  assert.equal(fresh.batchRows, 4, 'the first requests of a server: no series before them');
});

test("Triton's page is read too, and an empty one says nothing", () => {
  const page = (n: number): string => `
nv_inference_request_success{model="m",version="1"} ${n}
nv_inference_count{model="m",version="1"} ${n * 4}
nv_inference_exec_count{model="m",version="1"} ${n / 2}
nv_inference_queue_duration_us{model="m",version="1"} ${n * 500}
nv_inference_compute_infer_duration_us{model="m",version="1"} ${n * 2000}`;
  const { batchRows, queueMs, computeMs, computeInputMs } = serverFigures(page(10), page(30), ['m']);
  assert.deepEqual([batchRows, queueMs, computeMs, computeInputMs], [8, 0.5, 2, undefined]);
  assert.ok(Object.values(serverFigures('', '', ['m'])).every((value) => value === undefined));
});
