/** TensorFlow Serving's Predict through a real gateway: every datatype in both forms, to the bit; what is left out, and what is asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Datatype, SERVED_DATATYPES } from '../../gateway/core/datatype.js';
import { tensorflowNumber } from '../../gateway/core/tfs/datatype-names.js';
import {
  type TensorProto,
  TensorProtoSchema,
} from '../../gateway/gen/tensorflow/core/framework/tensor_pb.js';
import { addModel, identityModel } from '../support/onnx-model.js';
import { PREDICTION, shapeOf, type TfsCaller, tfsCaller } from '../support/tfs-call.js';
import { EXAMPLES, makeRepository, useGateway } from '../support/use-gateway.js';

type Proto = Exclude<MessageInitShape<typeof TensorProtoSchema>, TensorProto>;

const of = (array: { readonly buffer: ArrayBuffer }): Uint8Array => new Uint8Array(array.buffer);
const text = (...parts: string[]): Uint8Array[] => parts.map((part) => Buffer.from(part));

/** Four elements of each datatype, as tensor_content has them and as its list has them. */
const ELEMENTS: Readonly<Record<Datatype, { content: Uint8Array; typed: Proto }>> = {
  BOOL: { content: Uint8Array.of(0, 1, 1, 0), typed: { boolVal: [false, true, true, false] } },
  INT8: { content: of(Int8Array.of(-128, 127, -1, 0)), typed: { intVal: [-128, 127, -1, 0] } },
  UINT8: { content: Uint8Array.of(0, 255, 128, 1), typed: { intVal: [0, 255, 128, 1] } },
  INT16: { content: of(Int16Array.of(-32768, 32767, -1, 0)), typed: { intVal: [-32768, 32767, -1, 0] } },
  UINT16: { content: of(Uint16Array.of(0, 65535, 32768, 1)), typed: { intVal: [0, 65535, 32768, 1] } },
  INT32: {
    content: of(Int32Array.of(-(2 ** 31), 2 ** 31 - 1, -1, 0)),
    typed: { intVal: [-(2 ** 31), 2 ** 31 - 1, -1, 0] },
  },
  UINT32: {
    content: of(Uint32Array.of(0, 2 ** 32 - 1, 2 ** 31, 1)),
    typed: { uint32Val: [0, 2 ** 32 - 1, 2 ** 31, 1] },
  },
  INT64: {
    content: of(BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -1n)),
    typed: { int64Val: [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -1n] },
  },
  UINT64: {
    content: of(BigUint64Array.of(0n, 2n ** 64n - 1n, 2n ** 53n + 1n, 1n)),
    typed: { uint64Val: [0n, 2n ** 64n - 1n, 2n ** 53n + 1n, 1n] },
  },
  FP16: {
    content: of(Uint16Array.of(0x7e55, 0x8000, 1, 0xfc00)),
    typed: { halfVal: [0x7e55, 0x8000, 1, 0xfc00] },
  },
  BF16: {
    content: of(Uint16Array.of(0x7fc1, 0x8000, 1, 0xff80)),
    typed: { halfVal: [0x7fc1, 0x8000, 1, 0xff80] },
  },
  FP32: {
    content: of(Float32Array.of(-0, 1.4e-45, Infinity, 0.1)),
    typed: { floatVal: [-0, 1.401298464324817e-45, Infinity, Math.fround(0.1)] },
  },
  FP64: {
    content: of(Float64Array.of(-0, 5e-324, -Infinity, 0.1)),
    typed: { doubleVal: [-0, 5e-324, -Infinity, 0.1] },
  },
  // In tensor_content: the four lengths, then the four texts.
  BYTES: {
    content: Buffer.concat([Uint8Array.of(1, 0, 3, 2), ...text('a', '', 'λx', 'bc')]),
    typed: { stringVal: text('a', '', 'λx', 'bc') },
  },
};

const LISTS = [
  ...(['halfVal', 'floatVal', 'doubleVal', 'intVal', 'stringVal', 'int64Val'] as const),
  ...(['boolVal', 'uint32Val', 'uint64Val'] as const),
];

/** The fields of a tensor that hold something. */
function filled(tensor: TensorProto): Record<string, unknown> {
  const content = tensor.tensorContent.length > 0 ? { tensorContent: Buffer.from(tensor.tensorContent) } : {};
  const lists = LISTS.filter((list) => tensor[list].length > 0).map((list) => [
    list,
    tensor[list].map((item) => (item instanceof Uint8Array ? Buffer.from(item) : item)),
  ]);
  return { ...content, ...Object.fromEntries(lists) };
}

const specOf = (name: string) => ({ name });

test('every datatype: typed and as tensor_content, in requests and in answers, to the bit', async (t) => {
  const datatypes = [...SERVED_DATATYPES];
  const models = datatypes.map((datatype): [string, Uint8Array] => [
    `${datatype}/1/model.onnx`,
    identityModel(datatype as Parameters<typeof identityModel>[0]),
  ]);
  const modelRepository = [makeRepository(t, Object.fromEntries(models))];
  for (const answerTensors of ['typed', 'content'] as const) {
    const { grpcPort } = await useGateway(t, {
      modelRepository,
      workers: { count: 1 },
      tensorflow: { answerTensors },
    });
    const call = tfsCaller(t, grpcPort);
    for (const datatype of datatypes) {
      const { content, typed } = ELEMENTS[datatype as Datatype];
      const dtype = tensorflowNumber(datatype);
      for (const given of [{ tensorContent: content }, typed]) {
        const X = { dtype, tensorShape: shapeOf(1, 4), ...given };
        const { message, answer } = await call(PREDICTION.predict, {
          modelSpec: specOf(datatype),
          inputs: { X },
        });
        const what = `${datatype}, ${Object.keys(given)[0]} in, ${answerTensors} out`;
        assert.equal(message, '', what);
        const Y = answer?.outputs['Y'] as TensorProto;
        assert.deepEqual([Y.dtype, Y.tensorShape?.dim.map(({ size }) => size)], [dtype, [1n, 4n]], what);
        const wanted: Proto = answerTensors === 'typed' ? typed : { tensorContent: content };
        assert.deepEqual(filled(Y), filled(create(TensorProtoSchema, wanted)), what);
      }
    }
  }
});

/** FP32 of the echo model. */
async function echo(call: TfsCaller, tensor: Proto): Promise<number[] | string> {
  const X = { dtype: 1, ...tensor };
  const { answer, message } = await call(PREDICTION.predict, { modelSpec: specOf('echo'), inputs: { X } });
  return answer?.outputs['Y']?.floatVal ?? message;
}

test('a value stands for those after it, none for zeros; too many, too few bytes or the wrong list are refused', async (t) => {
  const models = { 'echo/1/model.onnx': identityModel(), 'text/1/model.onnx': identityModel('BYTES') };
  const { grpcPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, models)],
    workers: { count: 1 },
  });
  const call = tfsCaller(t, grpcPort);
  const tensorShape = shapeOf(2, 4);
  assert.deepEqual(await echo(call, { tensorShape, floatVal: [7] }), Array(8).fill(7));
  assert.deepEqual(await echo(call, { tensorShape, floatVal: [1, 2] }), [1, 2, 2, 2, 2, 2, 2, 2]);
  assert.deepEqual(await echo(call, { tensorShape }), Array(8).fill(0));
  assert.deepEqual(await echo(call, { tensorShape, floatVal: [] }), Array(8).fill(0));
  const modelSpec = specOf('text');
  const X = { dtype: 7, tensorShape: shapeOf(1, 4), stringVal: text('a', 'bé') };
  const { answer } = await call(PREDICTION.predict, { modelSpec, inputs: { X } });
  assert.deepEqual(answer?.outputs['Y']?.stringVal.map(String.bind(null)).length, 4);
  assert.deepEqual(
    answer?.outputs['Y']?.stringVal.map((bytes) => Buffer.from(bytes).toString()),
    ['a', 'bé', 'bé', 'bé'],
  );
  const start = 'tensor parsing error: X: ';
  const refusals: [Proto, string][] = [
    [{ tensorShape, floatVal: Array(9).fill(0) }, `${start}it has 9 values, wanted at most 8 for its shape`],
    [
      { tensorShape, tensorContent: new Uint8Array(31) },
      `${start}tensor_content has 31 bytes, wanted 32 for its shape and dtype`,
    ],
    [{ tensorShape, doubleVal: [1] }, `${start}its values are in field 6, wanted field 5 for its dtype`],
    [{ tensorShape: { unknownRank: true }, floatVal: [1] }, `${start}its rank is unknown`],
    [{ dtype: 8, tensorShape }, `${start}its dtype 8 is not served`],
  ];
  for (const [tensor, wanted] of refusals) assert.equal(await echo(call, tensor), wanted);
  // As much as the model takes and no more is written out, however large the shape that one value stands for.
  assert.match(
    String(await echo(call, { tensorShape: shapeOf(1_000_000_000, 4), floatVal: [1] })),
    /batch-size must be/,
  );
});

test('more rows than the model takes at once are run in pieces', async (t) => {
  const { grpcPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'm/1/model.onnx': addModel(1) })],
    workers: { count: 1 },
    models: { m: { maxBatchSize: 32 } },
  });
  const call = tfsCaller(t, grpcPort);
  const floatVal = Array.from({ length: 4 * 333 }, (_, i) => i);
  const X = { dtype: 1, tensorShape: shapeOf(333, 4), floatVal };
  const { answer } = await call(PREDICTION.predict, { modelSpec: specOf('m'), inputs: { X } });
  assert.deepEqual(
    answer?.outputs['Y']?.floatVal,
    floatVal.map((value) => value + 1),
  );
  assert.deepEqual(
    answer?.outputs['Y']?.tensorShape?.dim.map(({ size }) => Number(size)),
    [333, 4],
  );
});

test('output_filter, versions and labels: each answer says which version has made it', async (t) => {
  const models = { 'm/1/model.onnx': addModel(1), 'm/2/model.onnx': addModel(2), iris: `${EXAMPLES}/iris` };
  const { grpcPort, gateway } = await useGateway(t, {
    modelRepository: [makeRepository(t, models)],
    workers: { count: 1 },
    models: { m: { versionPolicy: 'all' } },
  });
  const call = tfsCaller(t, grpcPort);
  const X = { dtype: 1, tensorShape: shapeOf(1, 4), floatVal: [10] };
  const ask = async (
    modelSpec: Parameters<
      typeof call<typeof PREDICTION.predict.input, typeof PREDICTION.predict.output>
    >[1]['modelSpec'],
    headers = {},
  ) => {
    const { answer, message } = await call(PREDICTION.predict, { modelSpec, inputs: { X } }, headers);
    if (answer === undefined) return message;
    const { name, versionChoice, signatureName } = answer.modelSpec ?? {};
    const version = versionChoice?.case === 'version' ? versionChoice.value.value : undefined;
    return [name, version, signatureName, answer.outputs['Y']?.floatVal[0]];
  };
  const version = (value: bigint) => ({ case: 'version' as const, value: { value } });
  assert.deepEqual(await ask({ name: 'm' }), ['m', 2n, 'serving_default', 12]);
  assert.deepEqual(await ask({ name: 'm', versionChoice: version(1n) }), ['m', 1n, 'serving_default', 11]);
  assert.deepEqual(await ask({ name: 'm', signatureName: 'serving_default' }), [
    'm',
    2n,
    'serving_default',
    12,
  ]);
  const label = (value: string) => ({ name: 'm', versionChoice: { case: 'versionLabel' as const, value } });
  assert.equal(await ask(label('canary')), 'Unrecognized servable version label: canary');
  assert.equal(
    await ask({ name: 'm', versionChoice: version(9n) }),
    'Servable not found for request: Specific(m, 9)',
  );
  assert.deepEqual(gateway.catalog.available('m'), [1, 2]);

  const flower = { dtype: 1, tensorShape: shapeOf(1, 4), floatVal: [5.1, 3.5, 1.4, 0.2] };
  const { inputs, outputs } = gateway.catalog.describe('iris', '').signature;
  const given = { modelSpec: specOf('iris'), inputs: { [inputs[0]?.name as string]: flower } };
  const names = outputs.map(({ name }) => name);
  const all = await call(PREDICTION.predict, given);
  assert.deepEqual(Object.keys(all.answer?.outputs ?? {}).sort(), [...names].sort());
  for (const name of names) {
    const { answer } = await call(PREDICTION.predict, { ...given, outputFilter: [name] });
    assert.deepEqual(answer?.outputs, { [name]: all.answer?.outputs[name] });
  }
});
