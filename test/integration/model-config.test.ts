/** Triton's tree, served: config.pbtxt honoured, broken ones named, labels, ModelConfig and the classification extension. */
import assert from 'node:assert/strict';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createClient } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { Logger } from '../../gateway/core/logger.js';
import { ask, inferenceClient, type Plain } from '../support/grpc-services.js';
import { addModel, identityModel, zipMapModel } from '../support/onnx-model.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

interface Warned {
  readonly warnings: string[];
  readonly logger: Logger;
}

function warned(): Warned {
  const warnings: string[] = [];
  const note = (fields: object, message: string) =>
    void warnings.push(`${JSON.stringify(fields)} ${message}`);
  return { warnings, logger: { debug() {}, info() {}, warn: note, error: note } };
}

async function serve(t: TestContext, repository: string, models: object = {}, logger?: Logger) {
  const { gateway, address, grpcPort } = await useGateway(
    t,
    { modelRepository: [repository], models },
    logger && { logger },
  );
  const inference = inferenceClient(grpcPort);
  const client = createClient({ address });
  t.after(() => {
    inference.close();
    client.close();
  });
  return { gateway, client, inference };
}

const text = (content: string) => Buffer.from(content);

/** A request for one row of iris. */
function irisRequest(outputs: Plain[], rows = 1): Plain {
  const row = Buffer.from(Float32Array.of(5.1, 3.5, 1.4, 0.2).buffer);
  return {
    model_name: 'iris',
    inputs: [{ name: 'X', datatype: 'FP32', shape: [rows, 4] }],
    outputs,
    raw_input_contents: [Buffer.concat(Array.from({ length: rows }, () => row))],
  };
}

const asking = (name: string, classification: object): Plain => ({ name, parameters: { classification } });

function strings(raw: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at < raw.length; ) {
    const length = raw.readUInt32LE(at);
    found.push(raw.toString('utf8', at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

test('a model in Triton’s tree is served as its config.pbtxt says, and ModelConfig tells what holds', async (t) => {
  const repository = makeRepository(t, {
    'm/1/add.onnx': addModel(1),
    'm/2/add.onnx': addModel(2),
    'm/3/add.onnx': addModel(3),
    'm/labels.txt': text('one\r\ntwo\nthree\n\n'),
    'm/config.pbtxt': text(`
      name: "m" # as its directory
      platform: "onnxruntime_onnx"
      max_batch_size: 4
      default_model_filename: "add.onnx"
      input [ { name: "X" data_type: TYPE_FP32 dims: [ 4 ] } ]
      output [ { name: "Y" data_type: TYPE_FP32 dims: [ 4 ] label_filename: "labels.txt" } ]
      version_policy: { specific { versions: [ 1, 3 ] } }
      instance_group [ { kind: KIND_CPU count: 1 } ]
      dynamic_batching { }
      optimization { graph { level: 1 } }
      parameters { key: "execution_mode" value { string_value: "1" } }
      parameters { key: "inter_op_thread_count" value { string_value: "2" } }
      parameters { key: "session.set_denormal_as_zero" value { string_value: "1" } }
      parameters { key: "team" value { string_value: "vision" } }
    `),
    'plain/1': join(EXAMPLES, 'iris/1'),
  });
  const { gateway, client, inference } = await serve(t, repository);
  assert.deepEqual(gateway.catalog.available('m'), [1, 3]);
  const { outputs } = await client.model('m', { version: '1' }).predict({ X: [[1, 2, 3, 4]] });
  assert.deepEqual(outputs['Y']?.data, [[2, 3, 4, 5]]);
  await assert.rejects(client.model('m').predict({ X: Array(5).fill([1, 2, 3, 4]) }), {
    message: /batch-size must be <= 4/,
  });
  const { config } = (await ask(inference, 'ModelConfig', { name: 'm', version: '3' })) as { config: Plain };
  const wanted = {
    name: 'm',
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    max_batch_size: 4,
    default_model_filename: 'add.onnx',
    scheduling_choice: 'dynamic_batching',
  };
  assert.deepEqual(Object.fromEntries(Object.keys(wanted).map((key) => [key, config[key]])), wanted);
  const [input] = config['input'] as Plain[];
  const [output] = config['output'] as Plain[];
  assert.deepEqual([input?.['name'], input?.['data_type'], input?.['dims']], ['X', 'TYPE_FP32', ['4']]);
  assert.deepEqual([output?.['dims'], output?.['label_filename']], [['4'], 'labels.txt']);
  const policy = config['version_policy'] as Plain;
  assert.deepEqual((policy['specific'] as Plain)['versions'], ['1', '3']);
  const [group] = config['instance_group'] as Plain[];
  assert.deepEqual([group?.['name'], group?.['kind'], group?.['count']], ['m_0', 'KIND_CPU', 1]);
  assert.equal(((config['optimization'] as Plain)['graph'] as Plain)['level'], 1);
  const parameters = config['parameters'] as Record<string, Plain>;
  assert.equal(parameters['team']?.['string_value'], 'vision');
  assert.deepEqual(gateway.catalog.describe('m', '3').signature.outputs[0]?.labels, [
    'one',
    'two',
    'three',
    '',
  ]);
  // A model without config.pbtxt has one filled in.
  const plain = ((await ask(inference, 'ModelConfig', { name: 'plain' })) as { config: Plain }).config;
  assert.deepEqual(
    [plain['max_batch_size'], plain['default_model_filename'], (plain['input'] as Plain[])[0]?.['dims']],
    [256, 'model.onnx', ['4']],
  );
  assert.equal((plain['version_policy'] as { latest: Plain }).latest['num_versions'], 1);
  await assert.rejects(ask(inference, 'ModelConfig', { name: 'nobody' }), { code: 5 });
});

test('a broken config.pbtxt is named with its place, and stops no other model', async (t) => {
  const config = (content: string) => text(content);
  const declared = (dims: string, type = 'TYPE_FP32', name = 'X') =>
    config(`max_batch_size: 8 input { name: "${name}" data_type: ${type} dims: [${dims}] }`);
  const rows: [string, Buffer, RegExp][] = [
    [
      'typo',
      config('name: "typo"\nmax_batchsize: 8'),
      /failed to load model 'typo': config\.pbtxt:2:1: unknown field 'max_batchsize' in ModelConfig: did you mean 'max_batch_size'\?/,
    ],
    [
      'named',
      config('name: "other"'),
      /config\.pbtxt:1:1: name is 'other', but the model is served as 'named'/,
    ],
    [
      'decoupled',
      config('max_batch_size: 8\nmodel_transaction_policy {\n  decoupled: true\n}'),
      /config\.pbtxt:3:3: model_transaction_policy\.decoupled is not supported/,
    ],
    ['gpu', config('instance_group { kind: KIND_GPU }'), /KIND_GPU/],
    [
      'dims',
      declared('5'),
      /failed to load model 'dims' version 1: input 'X' has dims \[5\] in config\.pbtxt: with max_batch_size, which leaves the batch dimension out, that is \[-1,5\], in the model its shape is \[-1,4\]/,
    ],
    ['rank', declared('-1, 4'), /that is \[-1,-1,4\], in the model its shape is \[-1,4\]/],
    [
      'type',
      declared('4', 'TYPE_FP64'),
      /input 'X' has data_type TYPE_FP64 in config\.pbtxt, in the model it is TYPE_FP32/,
    ],
    [
      'input',
      declared('4', 'TYPE_FP32', 'Z'),
      /config\.pbtxt does not declare input 'X', which the model needs/,
    ],
    [
      'output',
      config('output { name: "Z" data_type: TYPE_FP32 dims: [4] }'),
      /config\.pbtxt declares output 'Z', the model has 'Y'/,
    ],
    [
      'labels',
      config('output { name: "Y" data_type: TYPE_FP32 dims: [4] label_filename: "none.txt" }'),
      /its label file 'none\.txt' cannot be read: ENOENT/,
    ],
    [
      'escape',
      config('output { name: "Y" data_type: TYPE_FP32 dims: [4] label_filename: "link.txt" }'),
      /its label file 'link\.txt' lies outside of the model's directory/,
    ],
    ['binary', Buffer.of(0xff, 0xfe), /its config\.pbtxt cannot be read: it is not valid UTF-8/],
    [
      'huge',
      Buffer.alloc(2 ** 21, ' '),
      /its config\.pbtxt cannot be read: it has 2097152 bytes, at most 1048576 are read/,
    ],
  ];
  const models: Record<string, string | Uint8Array> = {
    'good/1/model.onnx': addModel(1),
    'good/config.pbtxt': text('max_batch_size: 2'),
    'unversioned/config.pbtxt': text(''),
  };
  for (const [name, content] of rows) {
    models[`${name}/1/model.onnx`] = addModel(1);
    models[`${name}/config.pbtxt`] = content;
  }
  const repository = makeRepository(t, models);
  writeFileSync(join(repository, 'secret.txt'), 'secret\n');
  symlinkSync(join(repository, 'secret.txt'), join(repository, 'escape/link.txt'));
  const { client, inference } = await serve(t, repository);
  const index = await client.models();
  const reasonOf = (name: string) => index.find((each) => each.name === name)?.reason ?? '';
  for (const [name, , reason] of rows) {
    assert.match(reasonOf(name), reason, name);
    assert.ok(!reasonOf(name).includes(repository), name);
    assert.equal(await client.modelReady(name), false, name);
  }
  assert.match(
    reasonOf('unversioned'),
    /it has a config\.pbtxt, but no version: wanted 1\/model\.onnx beside it/,
  );
  await assert.rejects(client.model('typo').predict({ X: [[1, 2, 3, 4]] }), {
    code: 'UNAVAILABLE',
    message: /has no available versions \(it is failed: failed to load model 'typo': config\.pbtxt:2:1/,
  });
  await assert.rejects(ask(inference, 'ModelConfig', { name: 'typo' }), { code: 14 });
  assert.equal((await client.model('good').predict({ X: [[1, 2, 3, 4]] })).version, '1');
});

test('sluice.yaml comes before config.pbtxt, with a warning that names both', async (t) => {
  const repository = makeRepository(t, {
    'm/1/model.onnx': addModel(1),
    'm/2/model.onnx': addModel(2),
    'm/config.pbtxt': text(
      'max_batch_size: 8 version_policy { all {} } input { name: "X" data_type: TYPE_FP32 dims: 4 }',
    ),
  });
  const { warnings, logger } = warned();
  const models = { m: { versionPolicy: { latest: 1 }, maxBatchSize: 0 } };
  const { gateway } = await serve(t, repository, models, logger);
  assert.deepEqual(gateway.catalog.available('m'), [2]);
  const { batchable, inputs } = gateway.catalog.describe('m', '').signature;
  assert.deepEqual([batchable, inputs[0]?.shape], [false, [-1, 4]]);
  assert.ok(
    warnings.some((line) => line.includes('versionPolicy: config.pbtxt says all, sluice.yaml says latest 1')),
  );
  assert.ok(warnings.some((line) => line.includes('maxBatchSize: config.pbtxt says 8, sluice.yaml says 0')));
});

test('a model’s own directory may have a config.pbtxt, and dims may be narrower than the model’s', async (t) => {
  const repository = makeRepository(t, {
    'own/1/model.onnx': identityModel('FP32', ['N', 'D']),
    'own/config.pbtxt': text(
      'max_batch_size: 2 input { name: "X" data_type: TYPE_FP32 dims: 3 } output { name: "Y" data_type: TYPE_FP32 dims: 3 }',
    ),
  });
  const { gateway, client } = await serve(t, join(repository, 'own'));
  assert.deepEqual(gateway.catalog.describe('own', '').signature.inputs[0]?.shape, [-1, 3]);
  await assert.rejects(client.model('own').predict({ X: [[1, 2]] }), {
    message: /unexpected shape for input 'X'/,
  });
});

test('a reshape gives requests another shape than the model’s, batched and not', async (t) => {
  const io = (name: string, dims: string, reshape: string) =>
    `{ name: "${name}" data_type: TYPE_FP32 dims: ${dims} reshape { shape: ${reshape} } }`;
  const repository = makeRepository(t, {
    'batched/1/model.onnx': identityModel('FP32', ['N', 2, 3]),
    'batched/config.pbtxt': text(
      `max_batch_size: 8 input ${io('X', '6', '[2, 3]')} output ${io('Y', '[3, 2]', '[2, 3]')}`,
    ),
    'whole/1/model.onnx': identityModel('FP32', [1, 2, 3]),
    'whole/config.pbtxt': text(`input ${io('X', '[2, 3]', '[1, 2, 3]')} output ${io('Y', '6', '[1, 2, 3]')}`),
    'scalar/1/model.onnx': identityModel('FP32', ['N']),
    'scalar/config.pbtxt': text(`max_batch_size: 8 input ${io('X', '1', '[]')} output ${io('Y', '1', '[]')}`),
  });
  const { gateway, client, inference } = await serve(t, repository);
  assert.equal(gateway.catalog.describe('batched', '').batchCheck, 'verified');
  const rows = [
    [1, 2, 3, 4, 5, 6],
    [7, 8, 9, 10, 11, 12],
  ];
  const answers = await Promise.all(rows.map((row) => client.model('batched').predict({ X: [row] })));
  assert.deepEqual(answers[1]?.outputs['Y']?.data, [
    [
      [7, 8],
      [9, 10],
      [11, 12],
    ],
  ]);
  const whole = await client.model('whole').predict({
    X: [
      [1, 2, 3],
      [4, 5, 6],
    ],
  });
  assert.deepEqual(whole.outputs['Y']?.data, [1, 2, 3, 4, 5, 6]);
  const scalar = await client.model('scalar').predict({ X: [[5], [6]] });
  assert.deepEqual(scalar.outputs['Y']?.data, [[5], [6]]);
  const { config } = (await ask(inference, 'ModelConfig', { name: 'batched' })) as { config: Plain };
  const [input] = config['input'] as [{ dims: string[]; reshape: { shape: string[] } }];
  assert.deepEqual([input.dims, input.reshape.shape], [['6'], ['2', '3']]);
});

test('classification answers value:index:label, with the labels of a ZipMap or of a file', async (t) => {
  const repository = makeRepository(t, {
    iris: join(EXAMPLES, 'iris'),
    'named/1/model.onnx': zipMapModel(['cat', 'dog', 'eel']),
    'filed/1/model.onnx': zipMapModel(['cat', 'dog', 'eel']),
    'filed/labels.txt': text('Katze\nHund\nAal'),
    'filed/config.pbtxt': text(
      'max_batch_size: 8 output { name: "probabilities" data_type: TYPE_FP32 dims: 3 label_filename: "labels.txt" }',
    ),
  });
  const { inference, gateway } = await serve(t, repository);
  const request = irisRequest([{ name: 'label' }, asking('probabilities', { int64_param: '2' })], 3);
  const answer = (await ask(inference, 'ModelInfer', request)) as {
    outputs: Plain[];
    raw_output_contents: Buffer[];
  };
  assert.deepEqual(
    answer.outputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
    [
      ['label', 'INT64', ['3']],
      ['probabilities', 'BYTES', ['3', '2']],
    ],
  );
  const got = strings(answer.raw_output_contents[1] as Buffer);
  assert.equal(got.length, 6);
  assert.match(got[0] ?? '', /^0\.9\d{5}:0$/, got[0]);
  assert.match(got[1] ?? '', /^0\.0\d{5}:[12]$/, got[1]);
  for (const [model, wanted] of [
    ['named', ['cat', 'dog', 'eel']],
    ['filed', ['Katze', 'Hund', 'Aal']],
  ] as const) {
    const whole = { ...irisRequest([asking('probabilities', { int64_param: '9' })]), model_name: model };
    const { outputs, raw_output_contents: raw } = (await ask(
      inference,
      'ModelInfer',
      whole,
    )) as typeof answer;
    assert.deepEqual(outputs[0]?.['shape'], ['1', '3']);
    const parts = strings(raw[0] as Buffer).map((each) => each.split(':'));
    for (const [value, index, label] of parts) {
      assert.match(value ?? '', /^\d\.\d{6}$/);
      assert.equal(label, wanted[Number(index)]);
    }
    assert.deepEqual(
      parts
        .map(([value]) => value)
        .sort()
        .reverse(),
      parts.map(([value]) => value),
    );
  }
  const refused: [Plain, RegExp][] = [
    [
      asking('probabilities', { int64_param: '0' }),
      /invalid value for 'classification' parameter, expected >= 0/,
    ],
    [
      asking('probabilities', { string_param: '2' }),
      /invalid value type for 'classification' parameter, expected int64_param/,
    ],
    [asking('nothing', { int64_param: '1' }), /unexpected inference output 'nothing'/],
  ];
  for (const [output, details] of refused)
    await assert.rejects(ask(inference, 'ModelInfer', irisRequest([output])), { code: 3, details });
  const strange = { ...irisRequest([asking('label', { int64_param: '1' })]), model_name: 'named' };
  await assert.rejects(ask(inference, 'ModelInfer', strange), {
    code: 3,
    details: /class result not available for output 'label' due to unsupported type 'BYTES'/,
  });
  assert.equal(gateway.batcher.stats().entries, 0);
});

test('no more batches of a model run at once than instance_group counts', async (t) => {
  const waiting = text(JSON.stringify({ costMs: { fixed: 50 }, maxBatchSize: 1 }));
  const repository = makeRepository(t, {
    'one/1/model.wait.json': waiting,
    'one/config.pbtxt': text('max_batch_size: 1 instance_group { count: 1 kind: KIND_CPU }'),
    'free/1/model.wait.json': waiting,
  });
  const { address } = await useGateway(t, {
    modelRepository: [repository],
    workers: { count: 4, enableWaitingRuntime: true },
  });
  const client = createClient({ address });
  t.after(() => client.close());
  const timeFour = async (model: string) => {
    const startedAt = systemClock.now();
    await Promise.all([1, 2, 3, 4].map((x) => client.model(model).predict({ X: [[x, x, x, x]] })));
    return systemClock.now() - startedAt;
  };
  await timeFour('free');
  const free = await timeFour('free');
  assert.ok(free < 150, `four at once: ${free} ms`);
  const one = await timeFour('one');
  assert.ok(one >= 200, `one after the other: ${one} ms`);
});
