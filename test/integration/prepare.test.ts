import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import { silentLogger } from '../../gateway/core/logger.js';
import type { Manifest, PrepareRequest } from '../../gateway/core/manifest.js';
import { Preparer, type PreparerOptions } from '../../gateway/pool/preparer.js';
import { threadChannels } from '../../gateway/pool/thread-channel.js';
import {
  addModel,
  batchDependentModel,
  gatherModel,
  identityModel,
  type OnnxType,
  onnxModel,
  readStringsModel,
  zipMapModel,
} from '../support/onnx-model.js';
import { fp32, fp32Values, modelRequest, runOn, temporaryDirectory } from '../support/worker-kits.js';

interface Context {
  after(fn: () => Promise<void>): void;
}

const newPreparer = (options: Partial<PreparerOptions> = {}): Preparer =>
  new Preparer({ clock: systemClock, logger: silentLogger, ...options });

/** One child for all tests of this file that do not break it; the last test closes it. */
const by = newPreparer();

/** Prepares model bytes in a directory of their own. */
async function prepare(
  context: Context,
  bytes: Uint8Array,
  overrides: Partial<PrepareRequest> = {},
): Promise<Manifest> {
  return by.prepare(await modelRequest(await temporaryDirectory(context), bytes, overrides));
}

test('a good model: signature, autofill, verified batching, first latencies, digest', async (t) => {
  const bytes = addModel(1);
  const request = await modelRequest(await temporaryDirectory(t), bytes, { model: 'add', version: 7 });
  const manifest = await by.prepare(request);
  assert.deepEqual(manifest.signature, {
    inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, 4] }],
    outputs: [{ name: 'Y', datatype: 'FP32', shape: [-1, 4] }],
    batchable: true,
    maxBatchSize: 256,
  });
  assert.deepEqual([manifest.model, manifest.version], ['add', 7]);
  assert.equal(manifest.batchCheck, 'verified');
  assert.notEqual(manifest.preparedPath, request.modelPath, 'a copy: the repository may change');
  assert.ok((await readFile(manifest.preparedPath)).equals(bytes));
  assert.equal(manifest.sha256, createHash('sha256').update(bytes).digest('hex'));
  assert.equal(manifest.bytes, bytes.length);
  assert.deepEqual(manifest.warnings, []);
  assert.deepEqual(
    manifest.latency.map((sample) => sample.rows),
    [1, 2, 4, 8, 16, 32],
  );
  assert.ok(manifest.latency.every((sample) => sample.ms > 0 && sample.ms < 100));
});

test('max_batch_size: wanted sizes are kept, 0 turns batching off, a size that the model cannot have is refused', async (t) => {
  const rows: readonly [number, boolean, string][] = [
    [0, false, 'unbatchable'],
    [1, true, 'verified'],
    [4, true, 'verified'],
  ];
  for (const [maxBatchSize, batchable, check] of rows) {
    const manifest = await prepare(t, addModel(1), { maxBatchSize });
    assert.equal(manifest.signature.batchable, batchable);
    assert.equal(manifest.signature.maxBatchSize, maxBatchSize);
    assert.equal(manifest.batchCheck, check);
    assert.equal(manifest.latency.at(-1)?.rows, Math.max(1, maxBatchSize));
  }
  await assert.rejects(prepare(t, identityModel('FP32', [2, 4]), { maxBatchSize: 8 }), (error) => {
    assert.match(
      String(error),
      /max_batch_size is 8, but the first dimension of 'X' is not variable: its shape is \[2,4\]/,
    );
    return true;
  });
  const fixed = await prepare(t, identityModel('FP32', [2, 4]));
  assert.deepEqual([fixed.signature.batchable, fixed.batchCheck], [false, 'unbatchable']);
});

test('ZipMap: the output keeps its name, its labels are told, and the model runs', async (t) => {
  for (const labels of [
    ['setosa', 'versicolor', 'virginica'],
    [0, 1, 2],
  ] as const) {
    const manifest = await prepare(t, zipMapModel([...labels] as string[]));
    assert.equal(manifest.batchCheck, 'verified');
    const [label, probabilities] = manifest.signature.outputs;
    assert.equal(label?.datatype, typeof labels[0] === 'string' ? 'BYTES' : 'INT64');
    assert.deepEqual(probabilities, {
      name: 'probabilities',
      datatype: 'FP32',
      shape: [-1, 3],
      labels: labels.map(String),
    });
    assert.match(manifest.warnings.join(), /ZipMap/);
    assert.match(manifest.preparedPath, /prepared\/model\.onnx$/);
    const channel = await threadChannels({
      clock: systemClock,
      recorder: { dropped() {} },
      intraOpThreads: 1,
    })(0);
    try {
      await channel.load(manifest);
      const outcome = await runOn(channel, manifest, [fp32('X', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8])]);
      assert.ok(outcome.kind === 'success', JSON.stringify(outcome));
      const values = fp32Values(outcome.outputs[1]);
      assert.equal(values.length, 6);
      assert.ok(Math.abs(values.slice(0, 3).reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
    } finally {
      await channel.close();
    }
  }
});

test('a model whose answers depend on the batch, or that fails in one, is served unbatched with a warning', async (t) => {
  const dependent = await prepare(t, batchDependentModel());
  assert.equal(dependent.batchCheck, 'differs');
  assert.deepEqual(
    [dependent.signature.batchable, dependent.signature.maxBatchSize, dependent.signature.inputs[0]?.shape],
    [false, 0, [-1, 4]],
  );
  assert.match(
    dependent.warnings.join(),
    /batching changes its answers.*output 'Y' is .* in a batch and .* alone/,
  );
  // A table of one entry, read at the number of rows less one.
  const fixedInside = onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N', 4] }],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 4] }],
    weights: [
      { name: 'table', type: 'FP32', shape: [1], values: [5] },
      { name: 'zero', type: 'INT64', shape: [], values: [0] },
      { name: 'one', type: 'INT64', shape: [], values: [1] },
    ],
    nodes: [
      { op: 'Shape', inputs: ['X'], outputs: ['shape'] },
      { op: 'Gather', inputs: ['shape', 'zero'], outputs: ['rows'] },
      { op: 'Sub', inputs: ['rows', 'one'], outputs: ['index'] },
      { op: 'Gather', inputs: ['table', 'index'], outputs: ['amount'] },
      { op: 'Add', inputs: ['X', 'amount'], outputs: ['Y'] },
    ],
  });
  const failing = await prepare(t, fixedInside);
  assert.equal(failing.batchCheck, 'differs');
  assert.match(failing.warnings.join(), /it fails in a batch/);
});

test('a model that refuses made-up input is batched, and said to be unverified', async (t) => {
  // A table of one entry: the made-up indices 0 to 3 are mostly outside.
  const manifest = await prepare(t, gatherModel(1));
  assert.equal(manifest.batchCheck, 'unknown');
  assert.equal(manifest.signature.batchable, true);
  assert.match(manifest.warnings.join(), /could not be verified: it refused made-up input/);
});

test('E77 empty, truncated, garbage, packed and other files are refused with what they are', async (t) => {
  const good = addModel(1);
  const rows: readonly [string, Uint8Array, RegExp][] = [
    ['zero bytes', new Uint8Array(0), /the file is empty/],
    ['half a file', good.slice(0, good.length >> 1), /not an ONNX model or is truncated/],
    ['all but a byte', good.slice(0, -1), /truncated/],
    ['the first field only', good.slice(0, 2), /truncated: it holds no graph/],
    ['gzip', gzipSync(good), /gzip-compressed: unpack it/],
    ['text', Buffer.from('hello, world'), /not an ONNX model or is truncated/],
    ['HTML', Buffer.from('<html>404</html>'), /a download that went wrong/],
    ['Git LFS', Buffer.from('version https://git-lfs.github.com/spec/v1'), /git lfs pull/],
    ['zip', Buffer.from('PK\x03\x04xxxx', 'latin1'), /export the model to ONNX/],
    [
      'an unknown operator',
      onnxModel({
        inputs: [{ name: 'X', type: 'FP32', shape: ['N'] }],
        outputs: [{ name: 'Y', type: 'FP32', shape: ['N'] }],
        nodes: [{ op: 'Frobnicate', inputs: ['X'], outputs: ['Y'] }],
      }),
      /Frobnicate.*operator sets: ai\.onnx 17/,
    ],
  ];
  for (const [sentence, bytes, message] of rows) {
    const directory = await temporaryDirectory(t);
    const error: GatewayError = await by
      .prepare(await modelRequest(directory, bytes, { model: 'bad', version: 3 }))
      .then(
        () => assert.fail(`${sentence}: was accepted`),
        (thrown) => thrown,
      );
    assert.equal(error.code, 'FAILED_PRECONDITION', sentence);
    assert.match(error.message, /^failed to load model 'bad' version 3: /, sentence);
    assert.match(error.message, message, sentence);
    assert.ok(!error.message.includes(directory), `${sentence}: names no place on the server`);
  }
  assert.equal((await prepare(t, good)).batchCheck, 'verified', 'the same child serves the next model');
});

test('E77 no cut or flipped byte of a model harms more than its own preparation', async (t) => {
  const good = addModel(1);
  let refused = 0;
  for (let i = 0; i < good.length; i += 3) {
    const mutant = good.slice();
    mutant[i] = (mutant[i] as number) ^ 0xff;
    await prepare(t, i % 2 ? mutant : good.slice(0, i)).catch((error: GatewayError) => {
      assert.equal(error.code, 'FAILED_PRECONDITION');
      refused++;
    });
  }
  assert.ok(refused > 30, `${refused} were refused`);
});

test('E81 an operator that is not known, of its own domain or of an unknown set, is refused by name', async (t) => {
  const frob = (
    domain: string,
    domains: Readonly<Record<string, number>>,
    opset = 17,
    op = domain === '' ? 'Relu' : 'Frobnicate',
  ) =>
    onnxModel({
      opset,
      domains,
      inputs: [{ name: 'X', type: 'FP32', shape: ['N'] }],
      outputs: [{ name: 'Y', type: 'FP32', shape: ['N'] }],
      nodes: [{ op, domain, inputs: ['X'], outputs: ['Y'] }],
    });
  const rows: readonly [Uint8Array, RegExp][] = [
    [
      frob('com.example', { 'com.example': 2 }),
      /com\.example.*Frobnicate.*sets: ai\.onnx 17, com\.example 2/,
    ],
    [frob('com.example', {}), /com\.example.*operator sets: ai\.onnx 17/],
    [frob('', {}, 17, 'Gelu'), /Gelu.*operator sets: ai\.onnx 17/],
    [frob('', {}, 99), /99.*operator sets: ai\.onnx 99/],
  ];
  for (const [bytes, message] of rows)
    await assert.rejects(prepare(t, bytes), (error: GatewayError) => {
      assert.equal(error.code, 'FAILED_PRECONDITION');
      assert.match(error.message, message);
      return true;
    });
});

/** `Y = X` in another datatype. */
function cast(from: OnnxType, to: OnnxType): Uint8Array {
  return onnxModel({
    inputs: [{ name: 'X', type: from, shape: ['N'] }],
    outputs: [{ name: 'Y', type: to, shape: ['N'] }],
    nodes: [{ op: 'Cast', inputs: ['X'], outputs: ['Y'], attributes: [{ name: 'to', int: 16 }] }],
  });
}

test('datatypes and kinds that are not served are refused by name', async (t) => {
  const sequence = onnxModel({
    inputs: [{ name: 'X', type: 'FP32', shape: ['N'] }],
    outputs: [{ name: 'S' }],
    nodes: [{ op: 'SequenceConstruct', inputs: ['X'], outputs: ['S'] }],
  });
  const rows: readonly [Uint8Array, RegExp][] = [
    [
      identityModel('BF16'),
      /'m' version 1: input 'X' has datatype BF16, served are BOOL, INT8, UINT8, INT16, UINT16, FP16, INT32/,
    ],
    [cast('FP32', 'BF16'), /output 'Y' has datatype BF16/],
    [sequence, /output 'S' is not a tensor/],
    [
      onnxModel({
        inputs: [{ name: 'X', type: 'FP32' }],
        outputs: [{ name: 'Y', type: 'FP32' }],
        nodes: [{ op: 'Identity', inputs: ['X'], outputs: ['Y'] }],
      }),
      /input 'X' has no shape, not even its number of dimensions/,
    ],
  ];
  for (const [bytes, message] of rows) await assert.rejects(prepare(t, bytes), message);
});

test('variable dimensions beside the batch, several inputs and strings are all tried', async (t) => {
  const concat = onnxModel({
    inputs: [
      { name: 'A', type: 'FP32', shape: ['N', 'L'] },
      { name: 'B', type: 'FP32', shape: ['N', 'L'] },
    ],
    outputs: [{ name: 'Y', type: 'FP32', shape: ['N', 'L'] }],
    nodes: [{ op: 'Mul', inputs: ['A', 'B'], outputs: ['Y'] }],
  });
  assert.equal((await prepare(t, concat)).batchCheck, 'verified');
  for (const strings of [identityModel('BYTES', ['N', 'L']), readStringsModel(['N', 'L'])])
    assert.equal((await prepare(t, strings)).batchCheck, 'verified');
});

test('a ZipMap model with external data finds its weights from the rewritten copy', async (t) => {
  const directory = await temporaryDirectory(t);
  const model = (location: string) =>
    onnxModel({
      domains: { 'ai.onnx.ml': 1 },
      inputs: [{ name: 'X', type: 'FP32', shape: ['N', 2] }],
      outputs: [{ name: 'Z' }],
      weights: [{ name: 'W', type: 'FP32', shape: [2, 2], external: { location, offset: 0, length: 16 } }],
      nodes: [
        { op: 'MatMul', inputs: ['X', 'W'], outputs: ['scores'] },
        {
          op: 'ZipMap',
          domain: 'ai.onnx.ml',
          inputs: ['scores'],
          outputs: ['Z'],
          attributes: [{ name: 'classlabels_strings', strings: ['no', 'yes'] }],
        },
      ],
    });
  await writeFile(join(directory, 'model.onnx.data'), Buffer.from(Float32Array.of(1, 2, 3, 4).buffer));
  const manifest = await by.prepare(await modelRequest(directory, model('model.onnx.data')));
  assert.deepEqual(manifest.signature.outputs[0]?.labels, ['no', 'yes']);
  assert.equal((await readFile(join(directory, 'prepared', 'model.onnx.data'))).length, 16);
  for (const location of ['../secret', '/etc/hostname', 'a/../../b'])
    await assert.rejects(
      by.prepare(await modelRequest(directory, model(location))),
      /external data lies outside of its own directory/,
    );
});

test('a child that dies or takes too long costs its own model only, and is replaced', async () => {
  const childUrl = new URL('../support/fragile-child.js', import.meta.url);
  const fragile = newPreparer({ childUrl, timeoutMs: 1000 });
  const request = (model: string): PrepareRequest => ({
    model,
    version: 1,
    modelPath: '/nowhere',
    outputDir: '/nowhere',
    defaultMaxBatchSize: 1,
    intraOpThreads: 1,
  });
  const results = await Promise.allSettled(
    ['ok', 'exit', 'ok', 'abort', 'hang', 'ok'].map((m) => fragile.prepare(request(m))),
  );
  const words = results.map((result) =>
    result.status === 'fulfilled' ? result.value.model : String(result.reason.message),
  );
  assert.equal(words[0], 'ok');
  assert.match(
    words[1] ?? '',
    /failed to load model 'exit' version 1: the process that prepared it died \(exit code 7\)/,
  );
  assert.equal(words[2], 'ok');
  assert.match(words[3] ?? '', /died \(SIGABRT\)/);
  assert.match(words[4] ?? '', /preparing it took longer than 1000 ms/);
  assert.equal(words[5], 'ok');
  const waiting = assert.rejects(fragile.prepare(request('hang')), /shutting down/);
  await fragile.close();
  await waiting;
  await assert.rejects(fragile.prepare(request('ok')), /shutting down/);
});

test('a missing file, a directory: refused by name of the cause', async (t) => {
  const directory = await temporaryDirectory(t);
  const request = await modelRequest(directory, new Uint8Array(1));
  await assert.rejects(
    by.prepare({ ...request, modelPath: join(directory, 'none') }),
    /cannot be read: ENOENT/,
  );
  await mkdir(join(directory, 'folder'));
  await assert.rejects(
    by.prepare({ ...request, modelPath: join(directory, 'folder') }),
    /not a regular file/,
  );
  execFileSync('mkfifo', [join(directory, 'pipe.onnx')]);
  await assert.rejects(
    by.prepare({ ...request, modelPath: join(directory, 'pipe.onnx') }),
    /not a regular file/,
  );
});

test('closing ends the child, and nothing is prepared after', async () => {
  await by.close();
  const request = { model: 'm', version: 1, modelPath: '', outputDir: '', intraOpThreads: 1 };
  await assert.rejects(by.prepare({ ...request, defaultMaxBatchSize: 1 }), /shutting down/);
});
