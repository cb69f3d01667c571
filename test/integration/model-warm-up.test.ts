/** `model_warmup` of Triton's tree, with real models: what is run, what fails a model, and what ModelConfig says of it. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createClient } from '../../client/client.js';
import { systemClock } from '../../gateway/core/clock.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { Preparer } from '../../gateway/pool/preparer.js';
import { threadChannels } from '../../gateway/pool/thread-channel.js';
import { ask, inferenceClient, type Plain } from '../support/grpc-services.js';
import { addModel, gatherModel, readStringsModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';
import { modelRequest } from '../support/worker-kits.js';

const text = (content: string) => Buffer.from(content);
const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const index = (value: bigint) => new Uint8Array(BigInt64Array.of(value).buffer);

const warm = (input: string, data: string, { rows = 1, count = 2, max = 8 } = {}) =>
  text(`max_batch_size: ${max}
    model_warmup { name: "w" batch_size: ${rows} count: ${count} inputs { key: "${input}" value { ${data} } } }`);

test('models are warmed by zeros, random numbers and files; what fails is named, and the others serve', async (t) => {
  const x = 'data_type: TYPE_FP32 dims: 4';
  const i = 'data_type: TYPE_INT64 dims: 1';
  const s = 'data_type: TYPE_STRING dims: 4';
  const good: Record<string, [Uint8Array, Buffer, Uint8Array?]> = {
    zero: [addModel(1), warm('X', `${x} zero_data: true`, { rows: 3 })],
    random: [addModel(1), warm('X', `${x} random_data: true`, { rows: 8 })],
    file: [addModel(1), warm('X', `${x} input_data_file: "x"`, { rows: 2 }), floats(1, 2, 3, 4)],
    // Made-up indices are 1 to 3: only the file's 0 is one of its table.
    gather: [gatherModel(1), warm('I', `${i} input_data_file: "x"`, { rows: 2 }), index(0n)],
    whole: [
      addModel(1),
      warm('X', 'data_type: TYPE_FP32 dims: [2, 4] input_data_file: "x"', { max: 0 }),
      floats(1, 2, 3, 4, 5, 6, 7, 8),
    ],
    strings: [
      readStringsModel(),
      warm('X', `${s} input_data_file: "x"`),
      Buffer.from('\x01\x00\x00\x00a\x00\x00\x00\x00\x01\x00\x00\x00b\x01\x00\x00\x00c'),
    ],
  };
  const bad: Record<string, [Uint8Array, Buffer, Uint8Array | undefined, RegExp]> = {
    shape: [
      addModel(1),
      warm('X', 'data_type: TYPE_FP32 dims: 5 zero_data: true'),
      undefined,
      /failed to load model 'shape' version 1: model_warmup sample 'w': its input 'X' has shape \[1,5\], wanted \[-1,4\]/,
    ],
    refused: [
      gatherModel(1),
      warm('I', `${i} input_data_file: "x"`),
      index(7n),
      /model_warmup sample 'w': the model failed: .*indices element out of data bounds/,
    ],
    missing: [
      addModel(1),
      warm('X', `${x} input_data_file: "x"`),
      undefined,
      /model_warmup sample 'w': its file 'warmup\/x' cannot be read: ENOENT/,
    ],
    short: [
      addModel(1),
      warm('X', `${x} input_data_file: "x"`),
      floats(1, 2, 3),
      /its file 'warmup\/x' has 12 bytes, wanted 16/,
    ],
    cut: [
      readStringsModel(),
      warm('X', `${s} input_data_file: "x"`),
      Buffer.from('\x01\x00\x00\x00a\x00\x00\x00\x00\x01\x00\x00\x00b\x02\x00\x00\x00c'),
      /model_warmup sample 'w': BYTES input 'X' has an element 3 longer than the bytes that are left/,
    ],
    escape: [
      addModel(1),
      warm('X', `${x} input_data_file: "link"`),
      undefined,
      /its file 'warmup\/link' lies outside of the model's directory/,
    ],
    folder: [
      addModel(1),
      warm('X', `${x} input_data_file: "sub"`),
      undefined,
      /its file 'warmup\/sub' is not a regular file/,
    ],
  };
  const files: Record<string, Uint8Array> = {};
  for (const [name, [model, config, data]] of Object.entries({ ...good, ...bad })) {
    files[`${name}/1/model.onnx`] = model;
    files[`${name}/config.pbtxt`] = config;
    if (data !== undefined) files[`${name}/warmup/x`] = data;
  }
  const repository = makeRepository(t, files);
  writeFileSync(join(repository, 'secret'), floats(1, 2, 3, 4));
  mkdirSync(join(repository, 'escape/warmup'));
  symlinkSync(join(repository, 'secret'), join(repository, 'escape/warmup/link'));
  mkdirSync(join(repository, 'folder/warmup/sub'), { recursive: true });
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
  const { address, grpcPort } = await useGateway(t, { modelRepository: [repository] }, { logger });
  const client = createClient({ address });
  const inference = inferenceClient(grpcPort);
  t.after(() => {
    client.close();
    inference.close();
  });
  // What has failed is tried again, and has no reason meanwhile.
  let found = await client.models();
  for (let i = 0; i < 500 && found.some(({ state }) => state === 'LOADING'); i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    found = await client.models();
  }
  const reasonOf = (name: string) => found.find((each) => each.name === name)?.reason ?? '';
  for (const name of Object.keys(good))
    assert.equal(await client.modelReady(name), true, `${name}: ${reasonOf(name)}`);
  for (const [name, [, , , reason]] of Object.entries(bad)) {
    assert.match(reasonOf(name), reason, name);
    assert.ok(!reasonOf(name).includes(repository), name);
    assert.equal(await client.modelReady(name), false, name);
  }
  // The folder is no misnamed version.
  assert.ok(!warnings.some((line) => line.includes("'warmup'")), warnings.join('; '));
  const { outputs } = await client.model('gather').predict({ I: [[0]] });
  assert.deepEqual(outputs['Y']?.data, [[0]]);
  const { config } = (await ask(inference, 'ModelConfig', { name: 'file' })) as { config: Plain };
  const [sample] = config['model_warmup'] as [Plain & { inputs: Record<string, Plain> }];
  assert.deepEqual([sample['name'], sample['batch_size'], sample['count']], ['w', 2, 2]);
  const { data_type, dims, input_data_file } = sample.inputs['X'] as Plain;
  assert.deepEqual([data_type, dims, input_data_file], ['TYPE_FP32', ['4'], 'x']);
});

test('a worker runs the samples too, on a copy of their files: whatever becomes of the model’s directory', async (t) => {
  const repository = makeRepository(t, { 'm/warmup/x': index(0n) });
  const by = new Preparer({ clock: systemClock, logger: silentLogger });
  t.after(() => by.close());
  const data = { file: 'x' };
  const inputs = [{ name: 'I', datatype: 'INT64' as const, dims: [1], data }];
  const request = await modelRequest(repository, gatherModel(1), {
    modelDirectory: join(repository, 'm'),
    configuration: {
      inputs: [],
      outputs: [],
      parameters: {},
      runtime: {},
      warmUp: [{ name: 'w', batchSize: 1, count: 1, inputs }],
    },
  });
  const manifest = await by.prepare(request);
  // Its rows are all index 0, whose answers tell nothing of a batch; but how long they take is known.
  assert.equal(manifest.batchCheck, 'unknown');
  assert.match(manifest.warnings.join(), /of what it takes only copies of one row are known/);
  assert.ok(manifest.latency.length > 1);
  const channel = await threadChannels({
    clock: systemClock,
    recorder: { dropped() {} },
    intraOpThreads: 1,
  })(0);
  try {
    await channel.load(manifest);
    writeFileSync(join(repository, 'm/warmup/x'), index(7n));
    await channel.load(manifest);
    rmSync(join(repository, 'm/warmup'), { recursive: true });
    await channel.load(manifest);
    const copy = join(manifest.warmUp?.modelDirectory ?? '', 'warmup/x');
    assert.ok(copy.startsWith(request.outputDir));
    writeFileSync(copy, index(7n));
    await assert.rejects(channel.load(manifest), {
      message: /failed to load 'm\/1': model_warmup sample 'w': the model failed: .*out of data bounds/,
    });
  } finally {
    await channel.close();
  }
});
