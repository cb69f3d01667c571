/** Every datatype through a real gateway: raw and typed, to the bit; what would be altered on its way is refused. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createClient } from '../../client/client.js';
import { type Datatype, SERVED_DATATYPES } from '../../gateway/core/datatype.js';
import { inferRaw } from '../support/infer-raw.js';
import { identityModel, readStringsModel } from '../support/onnx-model.js';
import { RawClient } from '../support/raw-grpc.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';

const of = (array: { readonly buffer: ArrayBuffer }): Uint8Array => new Uint8Array(array.buffer);
const strings = (...elements: (string | Uint8Array)[]): Uint8Array =>
  Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.from(element as string).length);
      return [length, Buffer.from(element as string)];
    }),
  );

/** Six elements each, the awkward ones of the datatype, as raw contents have them; typed ones where there is a field for them. */
const ELEMENTS: Readonly<Record<string, { raw: Uint8Array; contents?: object }>> = {
  BOOL: {
    raw: Uint8Array.of(0, 1, 1, 0, 1, 1),
    contents: { boolContents: [false, true, true, false, true, true] },
  },
  INT8: {
    raw: of(Int8Array.of(-128, 127, -1, 0, 1, 2)),
    contents: { intContents: [-128, 127, -1, 0, 1, 2] },
  },
  INT16: {
    raw: of(Int16Array.of(-32768, 32767, -1, 0, 1, 256)),
    contents: { intContents: [-32768, 32767, -1, 0, 1, 256] },
  },
  INT32: {
    raw: of(Int32Array.of(-(2 ** 31), 2 ** 31 - 1, -1, 0, 1, 65536)),
    contents: { intContents: [-(2 ** 31), 2 ** 31 - 1, -1, 0, 1, 65536] },
  },
  INT64: {
    raw: of(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -1n, 0n, 1n)),
    contents: { int64Contents: [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -1n, 0n, 1n] },
  },
  UINT8: { raw: Uint8Array.of(0, 255, 128, 127, 1, 2), contents: { uintContents: [0, 255, 128, 127, 1, 2] } },
  UINT16: {
    raw: of(Uint16Array.of(0, 65535, 32768, 1, 256, 255)),
    contents: { uintContents: [0, 65535, 32768, 1, 256, 255] },
  },
  UINT32: {
    raw: of(Uint32Array.of(0, 2 ** 32 - 1, 2 ** 31, 1, 2, 65536)),
    contents: { uintContents: [0, 2 ** 32 - 1, 2 ** 31, 1, 2, 65536] },
  },
  UINT64: {
    raw: of(BigUint64Array.of(0n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 53n + 1n, 1n, 2n)),
    contents: { uint64Contents: [0n, 2n ** 64n - 1n, 2n ** 63n, 2n ** 53n + 1n, 1n, 2n] },
  },
  // Quiet and signalling NaNs with payloads, -0, the smallest denormal, infinities.
  FP16: { raw: of(Uint16Array.of(0x7e55, 0xfc01, 0x8000, 0x0001, 0x7c00, 0xfc00)) },
  FP32: {
    raw: of(Uint32Array.of(0x7fc12345, 0xff800001, 0x80000000, 1, 0x7f800000, 0xff800000)),
    // A signalling NaN does not live through JavaScript's numbers, so that it cannot be written here.
    contents: { fp32Contents: [Number.NaN, -0, 2 ** -149, Number.POSITIVE_INFINITY, -1.5, 3] },
  },
  FP64: {
    raw: of(
      BigUint64Array.of(
        0x7ff80000deadbeefn,
        0xfff0000000000001n,
        1n << 63n,
        1n,
        0x7ffn << 52n,
        0xfffn << 52n,
      ),
    ),
    contents: { fp64Contents: [Number.NaN, -0, 5e-324, Number.NEGATIVE_INFINITY, 0.1, 3] },
  },
  BYTES: {
    raw: strings('', 'a', 'é', '\ufeffbom', '雪'.repeat(50), '\u{1f600}'),
    contents: {
      bytesContents: ['', 'a', 'é', '\ufeffbom', '雪'.repeat(50), '\u{1f600}'].map((text) =>
        Buffer.from(text),
      ),
    },
  },
};

async function serve(t: TestContext): Promise<RunningGateway & { raw: RawClient }> {
  const models: Record<string, Uint8Array> = {};
  for (const datatype of SERVED_DATATYPES) {
    models[`echo_${datatype}/1/model.onnx`] = identityModel(datatype, ['N', 'L']);
    models[`scalar_${datatype}/1/model.onnx`] = identityModel(datatype, []);
  }
  models['read_BYTES/1/model.onnx'] = readStringsModel(['N', 'L']);
  const running = await useGateway(t, {
    modelRepository: [makeRepository(t, models)],
    workers: { count: 1 },
  });
  const raw = new RawClient(running.grpcPort);
  t.after(() => raw.close());
  return { ...running, raw };
}

/** The first element of six. */
function firstOf(datatype: Datatype, raw: Uint8Array): Uint8Array {
  return datatype === 'BYTES' ? raw.subarray(0, 4) : raw.subarray(0, raw.length / 6);
}

test('C52 C53 every datatype comes back to the bit, raw and typed, with empty dimensions, as a scalar and from a batch', async (t) => {
  const { raw: client, gateway } = await serve(t);
  for (const datatype of SERVED_DATATYPES) {
    const { raw, contents } = ELEMENTS[datatype] as { raw: Uint8Array; contents?: object };
    const modelName = `echo_${datatype}`;
    const ask = (name: string, shape: readonly number[], data: Uint8Array) =>
      inferRaw(client, {
        modelName: name,
        inputs: [{ name: 'X', datatype, shape: shape.map(BigInt) }],
        rawInputContents: [data],
      });
    const rows: (readonly [string, readonly number[], Uint8Array])[] = [
      [modelName, [1, 6], raw],
      [modelName, [6, 1], raw],
      [modelName, [3, 0], new Uint8Array(0)],
      [`scalar_${datatype}`, [], firstOf(datatype, raw)],
    ];
    // The echo model's strings never see the runtime.
    if (datatype === 'BYTES') rows.push(['read_BYTES', [2, 3], raw]);
    for (const [model, shape, data] of rows) {
      const answer = await ask(model, shape, data);
      assert.equal(answer.status, 0, `${model} [${shape}]: ${answer.message}`);
      assert.deepEqual(answer.outputs, [{ name: 'Y', datatype, shape, data: new Uint8Array(data) }], model);
    }
    // Two callers in one batch: what is theirs begins in the middle of it.
    gateway.batcher.hold();
    const both = [ask(modelName, [1, 6], raw), ask(modelName, [2, 6], Buffer.concat([raw, raw]))];
    while (gateway.batcher.stats().entries < 2) await new Promise((resolve) => setImmediate(resolve));
    gateway.batcher.release();
    const [one, two] = await Promise.all(both);
    assert.deepEqual(one?.outputs[0]?.data, new Uint8Array(raw), datatype);
    assert.deepEqual(two?.outputs[0]?.data, new Uint8Array(Buffer.concat([raw, raw])), datatype);
    if (contents === undefined) continue;
    const input = { name: 'X', datatype, shape: [1n, 6n], contents };
    const typed = await inferRaw(client, { modelName, inputs: [input] });
    assert.equal(typed.status, 0, `${datatype} typed: ${typed.message}`);
    assert.deepEqual(typed.outputs[0]?.data, new Uint8Array(typedBytes(datatype, contents) ?? raw), datatype);
  }
});

/** Floats are compared by what JavaScript makes of the numbers: a NaN's payload is its own business there. */
function typedBytes(datatype: Datatype, contents: object): Uint8Array | undefined {
  const { fp32Contents, fp64Contents } = contents as { fp32Contents?: number[]; fp64Contents?: number[] };
  if (datatype === 'FP32') return of(Float32Array.from(fp32Contents as number[]));
  return datatype === 'FP64' ? of(Float64Array.from(fp64Contents as number[])) : undefined;
}

test('C53 C54 what the runtime would alter is refused with the element: odd BOOL bytes, NUL, invalid UTF-8, FP16 typed', async (t) => {
  const { raw: client } = await serve(t);
  const rows: readonly [Datatype, Uint8Array, RegExp][] = [
    [
      'BOOL',
      Uint8Array.of(0, 1, 0, 2),
      /element 3 for inference input 'X' .* is the byte 2, .* wanted 0 or 1/,
    ],
    ['BOOL', Uint8Array.of(255, 1, 0, 1), /element 0 .* is the byte 255/],
    ['BYTES', strings('a', 'b', 'c\0d', ''), /element 2 .* has a NUL byte at offset 1/],
    ['BYTES', strings('a', Uint8Array.of(0xc3), '', ''), /element 1 .* is not valid UTF-8/],
    ['BYTES', strings('a', 'b', 'c', Uint8Array.of(0xed, 0xa0, 0x80)), /element 3 .* is not valid UTF-8/],
    ['BYTES', Buffer.concat([strings('a', 'b', 'c'), Uint8Array.of(9, 0, 0, 0)]), /at element 3/],
    ['FP16', new Uint8Array(7), /Expected 8, got 7/],
  ];
  for (const [datatype, data, message] of rows) {
    const answer = await inferRaw(client, {
      modelName: datatype === 'BYTES' ? 'read_BYTES' : `echo_${datatype}`,
      inputs: [{ name: 'X', datatype, shape: [1n, 4n] }],
      rawInputContents: [data],
    });
    assert.equal(answer.status, 3, `${datatype}: ${answer.message}`);
    assert.match(answer.message, message);
  }
  const contents = { fp32Contents: [1, 2, 3, 4] };
  const typed = await inferRaw(client, {
    modelName: 'echo_FP16',
    inputs: [{ name: 'X', datatype: 'FP16', shape: [1n, 4n], contents }],
  });
  assert.equal(typed.status, 3);
  assert.match(typed.message, /data-type FP16, which can be sent in raw_input_contents only/);
});

test('the TypeScript client sends and reads every datatype, with what it takes from JSON', async (t) => {
  const { address } = await serve(t);
  const client = createClient({ address });
  t.after(() => client.close());
  const rows: readonly [Datatype, (number | string | boolean)[]][] = [
    ['BOOL', [true, false]],
    ['INT8', [-128, 127]],
    ['INT16', [-32768, 32767]],
    ['INT32', [-(2 ** 31), 2 ** 31 - 1]],
    ['INT64', ['-9223372036854775808', 7]],
    ['UINT8', [0, 255]],
    ['UINT16', [0, 65535]],
    ['UINT32', [0, 2 ** 32 - 1]],
    ['UINT64', ['18446744073709551615', 1]],
    ['FP16', [65504, 'NaN', '-Infinity', 2 ** -24]],
    ['FP32', [0.5, 'NaN', 'Infinity']],
    ['FP64', [0.1, '-Infinity']],
    ['BYTES', ['', 'Zoë']],
  ];
  assert.deepEqual(new Set(rows.map(([datatype]) => datatype)), SERVED_DATATYPES);
  for (const [datatype, values] of rows) {
    const { outputs } = await client.model(`echo_${datatype}`).predict({ X: [values] });
    assert.deepEqual(outputs['Y']?.data, [values], datatype);
    assert.equal(outputs['Y']?.datatype, datatype);
  }
});
