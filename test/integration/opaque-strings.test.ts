/** Strings that a model only hands on come back byte by byte, whatever they are; those that it looks into are still checked. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type InferAnswer, inferRaw } from '../support/infer-raw.js';
import {
  identityModel,
  type NodeSpec,
  onnxModel,
  readStringsModel,
  type ValueSpec,
} from '../support/onnx-model.js';
import { RawClient } from '../support/raw-grpc.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

/** A BYTES tensor of these elements. */
const strings = (...elements: (string | Uint8Array)[]): Uint8Array =>
  Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.from(element as string).length);
      return [length, Buffer.from(element as string)];
    }),
  );

/** Every byte there is, 300 times over: too large to be a small buffer. */
const BINARY = Uint8Array.from({ length: 256 * 300 }, (_, i) => i);
const BLOBS = strings(
  'he\0llo',
  Uint8Array.of(0, 1, 2, 3),
  '',
  Uint8Array.of(0xff, 0xc3, 0xed, 0xa0, 0x80),
  BINARY,
  '雪',
);

const text = (name: string): ValueSpec => ({ name, type: 'BYTES', shape: ['N', 'L'] });
const number = (name: string): ValueSpec => ({ name, type: 'FP32', shape: ['N', 1] });
const identity = (from: string, to: string): NodeSpec => ({ op: 'Identity', inputs: [from], outputs: [to] });
const read = (from: string, to: string): NodeSpec => ({
  op: 'Concat',
  inputs: [from],
  outputs: [to],
  attributes: [{ name: 'axis', int: 0 }],
});

const MODELS = {
  echo: identityModel('BYTES', ['N', 'L']),
  read: readStringsModel(['N', 'L']),
  // A key that only travels along, twice, beside something that is computed.
  keyed: onnxModel({
    inputs: [text('KEY'), number('A')],
    outputs: [text('KEY_OUT'), number('B'), text('KEY_AGAIN')],
    nodes: [
      identity('KEY', 'k'),
      identity('k', 'KEY_OUT'),
      identity('KEY', 'KEY_AGAIN'),
      { op: 'Neg', inputs: ['A'], outputs: ['B'] },
    ],
  }),
  // The same, but the key is looked into as well.
  used: onnxModel({
    inputs: [text('X')],
    outputs: [text('SAME'), text('READ')],
    nodes: [identity('X', 'SAME'), read('SAME', 'READ')],
  }),
};

async function serve(t: TestContext) {
  const files = Object.entries(MODELS).map(([name, bytes]) => [`${name}/1/model.onnx`, bytes] as const);
  const { gateway, grpcPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, Object.fromEntries(files))],
    workers: { count: 1 },
  });
  const client = new RawClient(grpcPort);
  t.after(() => client.close());
  type Given = readonly [name: string, datatype: string, shape: readonly number[], data: Uint8Array];
  const ask = (modelName: string, given: readonly Given[], outputs: readonly string[] = []) =>
    inferRaw(client, {
      modelName,
      inputs: given.map(([name, datatype, shape]) => ({ name, datatype, shape: shape.map(BigInt) })),
      outputs: outputs.map((name) => ({ name })),
      rawInputContents: given.map(([, , , data]) => data),
    });
  /** Asks all at once, in one batch. */
  const together = async (asks: readonly (() => Promise<InferAnswer>)[]) => {
    gateway.batcher.hold();
    const answers = asks.map((each) => each());
    while (gateway.batcher.stats().entries < asks.length) await new Promise((next) => setImmediate(next));
    gateway.batcher.release();
    return Promise.all(answers);
  };
  return { client, ask, together };
}

const dataOf = (answer: InferAnswer) =>
  Object.fromEntries(answer.outputs.map(({ name, data }) => [name, Buffer.from(data)]));

test('C54 an identity model hands on NUL, invalid UTF-8, nothing and megabytes, raw and typed, alone and in a batch', async (t) => {
  const { client, ask, together } = await serve(t);
  const large = strings(new Uint8Array(3 << 20).fill(0xfe));
  const rows: readonly [number[], Uint8Array][] = [
    [[1, 6], BLOBS],
    [[6, 1], BLOBS],
    [[2, 0], new Uint8Array(0)],
    [[1, 1], large],
  ];
  for (const [shape, data] of rows) {
    const answer = await ask('echo', [['X', 'BYTES', shape, data]]);
    assert.equal(answer.status, 0, answer.message);
    assert.deepEqual(answer.outputs, [{ name: 'Y', datatype: 'BYTES', shape, data: new Uint8Array(data) }]);
  }
  const contents = { bytesContents: [Uint8Array.of(0, 0xff), new Uint8Array(0)] };
  const inputs = [{ name: 'X', datatype: 'BYTES', shape: [1n, 2n], contents }];
  const typed = await inferRaw(client, { modelName: 'echo', inputs });
  assert.deepEqual(
    typed.outputs[0]?.data,
    new Uint8Array(strings(Uint8Array.of(0, 0xff), '')),
    typed.message,
  );
  const other = strings('a\0', 'b', Uint8Array.of(0x80), '', '\0', 'c', ...Array<string>(6).fill('\0\0'));
  const [one, two] = await together([
    () => ask('echo', [['X', 'BYTES', [1, 6], BLOBS]]),
    () => ask('echo', [['X', 'BYTES', [2, 6], other]]),
  ]);
  assert.deepEqual(one?.outputs[0], {
    name: 'Y',
    datatype: 'BYTES',
    shape: [1, 6],
    data: new Uint8Array(BLOBS),
  });
  assert.deepEqual(two?.outputs[0], {
    name: 'Y',
    datatype: 'BYTES',
    shape: [2, 6],
    data: new Uint8Array(other),
  });
});

test('C54 a key travels beside what is computed: all outputs, some of them, in a batch whose callers want different ones', async (t) => {
  const { ask, together } = await serve(t);
  const float = (value: number) => Buffer.from(Float32Array.of(value).buffer);
  const given = (key: string, value: number) =>
    [
      ['KEY', 'BYTES', [1, 1], strings(key)],
      ['A', 'FP32', [1, 1], float(value)],
    ] as const;
  const all = await ask('keyed', given('a\0\uFFFE', 2));
  assert.deepEqual(
    all.outputs.map(({ name }) => name),
    ['KEY_OUT', 'B', 'KEY_AGAIN'],
  );
  const key = strings('a\0\uFFFE');
  assert.deepEqual(dataOf(all), { KEY_OUT: key, B: float(-2), KEY_AGAIN: key });
  const [numbers, keys, swapped] = await together([
    () => ask('keyed', given('1\0', 1), ['B']),
    () => ask('keyed', given('22\0', 2), ['KEY_AGAIN']),
    () => ask('keyed', given('\0', 3), ['B', 'KEY_OUT']),
  ]);
  assert.deepEqual(dataOf(numbers as InferAnswer), { B: float(-1) });
  assert.deepEqual(dataOf(keys as InferAnswer), { KEY_AGAIN: strings('22\0') });
  assert.deepEqual(dataOf(swapped as InferAnswer), { B: float(-3), KEY_OUT: strings('\0') });
});

test('C54 a model that looks into its strings refuses what the runtime would alter, also for outputs that would not show it', async (t) => {
  const { ask } = await serve(t);
  for (const bad of ['a\0b', Uint8Array.of(0xc3)])
    for (const [model, outputs] of [
      ['read', []],
      ['used', []],
      ['used', ['SAME']],
    ] as const) {
      const answer = await ask(model, [['X', 'BYTES', [1, 2], strings('fine', bad)]], outputs);
      assert.equal(answer.status, 3, `${model} [${outputs}]`);
      assert.match(
        answer.message,
        /element 1 for inference input 'X' .* (has a NUL byte|is not valid UTF-8)/,
      );
    }
  const fine = await ask('used', [['X', 'BYTES', [1, 2], strings('雪', '')]]);
  assert.deepEqual(dataOf(fine), { SAME: strings('雪', ''), READ: strings('雪', '') });
});

test('C54 what is handed on is checked for its shape, number and lengths like everything else', async (t) => {
  const { ask } = await serve(t);
  const rows: readonly [number[], Uint8Array, RegExp][] = [
    [[1, 3], strings('a', 'b'), /expected 3 string elements .* got 2/],
    [[1, 1], strings('a', 'b'), /unexpected number of string elements 2/],
    [[1, 1], Uint8Array.of(9, 0, 0, 0, 0), /expecting string of length 9 but only 1 bytes available/],
    [[1, 1, 1], strings('a'), /unexpected shape for input 'X'/],
    [[0, 1], new Uint8Array(0), /batch-size must be >= 1/],
  ];
  for (const [shape, data, message] of rows) {
    const answer = await ask('echo', [['X', 'BYTES', shape, data]]);
    assert.equal(answer.status, 3, answer.message);
    assert.match(answer.message, message);
  }
});
