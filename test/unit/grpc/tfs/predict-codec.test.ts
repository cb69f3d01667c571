/** Predict's hand-cut codec against @bufbuild/protobuf, which it knows nothing of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { DATATYPE_BYTES, type Datatype } from '../../../../gateway/core/datatype.js';
import { GatewayError } from '../../../../gateway/core/error.js';
import type { Signature } from '../../../../gateway/core/model.js';
import { datatypeOf, tensorflowNumber } from '../../../../gateway/core/tfs/datatype-names.js';
import {
  type TensorProto,
  TensorProtoSchema,
} from '../../../../gateway/gen/tensorflow/core/framework/tensor_pb.js';
import {
  type PredictRequest,
  PredictRequestSchema,
  PredictResponseSchema,
} from '../../../../gateway/gen/tensorflow_serving/apis/predict_pb.js';
import { decodePredictRequest } from '../../../../gateway/grpc/tfs/predict-codec.js';
import { PredictResponse } from '../../../../gateway/grpc/tfs/predict-response.js';
import { messageBytes } from '../../../support/message-bytes.js';
import { len, num, tag } from '../../../support/wire-bytes.js';

const name = fc.string({ maxLength: 12 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: 1, maxLength: 6 });

/** Values of a datatype's own list, and the bytes that they are. */
const typed = fc.oneof(
  list(fc.float()).map((floatVal) => ({ dtype: 1, list: { floatVal }, raw: new Float32Array(floatVal) })),
  list(fc.double()).map((doubleVal) => ({ dtype: 2, list: { doubleVal }, raw: new Float64Array(doubleVal) })),
  list(int32).map((intVal) => ({ dtype: 3, list: { intVal }, raw: new Int32Array(intVal) })),
  list(fc.integer({ min: -128, max: 127 })).map((intVal) => ({
    dtype: 6,
    list: { intVal },
    raw: new Int8Array(intVal),
  })),
  list(fc.integer({ min: 0, max: 65535 })).map((intVal) => ({
    dtype: 17,
    list: { intVal },
    raw: new Uint16Array(intVal),
  })),
  list(int64).map((int64Val) => ({ dtype: 9, list: { int64Val }, raw: new BigInt64Array(int64Val) })),
  list(fc.boolean()).map((boolVal) => ({
    dtype: 10,
    list: { boolVal },
    raw: Uint8Array.from(boolVal, Number),
  })),
  list(fc.integer({ min: 0, max: 65535 })).map((halfVal) => ({
    dtype: 19,
    list: { halfVal },
    raw: new Uint16Array(halfVal),
  })),
  list(uint32).map((uint32Val) => ({ dtype: 22, list: { uint32Val }, raw: new Uint32Array(uint32Val) })),
  list(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map((uint64Val) => ({
    ...{ dtype: 23, list: { uint64Val }, raw: new BigUint64Array(uint64Val) },
  })),
);

const spec = fc.record({
  name,
  signatureName: name,
  versionChoice: fc.oneof(
    fc.constant({ case: undefined }),
    int64.map((value) => ({ case: 'version' as const, value: { value } })),
    name.map((value) => ({ case: 'versionLabel' as const, value })),
  ),
});

/** A signature that has what was given. */
function signatureOf(key: string, datatype: Datatype, count: number): Signature {
  const tensor = { name: key, datatype, shape: [-1, count] };
  return { inputs: [tensor], outputs: [tensor], batchable: true, maxBatchSize: 8 };
}

test('requests that @bufbuild/protobuf writes are read as they were meant, typed and as tensor_content', () => {
  fc.assert(
    fc.property(
      spec,
      name,
      typed,
      fc.boolean(),
      fc.array(name),
      (modelSpec, key, values, asContent, outputFilter) => {
        const { dtype, list, raw } = values;
        const bytes = Buffer.from(raw.buffer);
        const dims = [1n, BigInt(raw.length)];
        const tensorShape = { dim: dims.map((size) => ({ size })) };
        const data = asContent ? { tensorContent: bytes } : list;
        const init = { modelSpec, inputs: { [key]: { dtype, tensorShape, ...data } }, outputFilter };
        const read = decodePredictRequest(toBinary(PredictRequestSchema, create(PredictRequestSchema, init)));
        const { versionChoice: version } = modelSpec;
        assert.deepEqual(read.spec, {
          name: modelSpec.name,
          version: version.case === 'version' ? version.value.value : undefined,
          label: version.case === 'versionLabel' ? version.value : '',
          signature: modelSpec.signatureName,
        });
        assert.deepEqual(read.outputs, outputFilter);
        const datatype = datatypeOf(dtype) as Datatype;
        const tensor = read.inputs.get(key)?.finish(key, signatureOf(key, datatype, raw.length), { left: 0 });
        assert.deepEqual([tensor?.datatype, tensor?.shape], [datatype, [1, raw.length]]);
        assert.deepEqual(Buffer.from(tensor?.data as Uint8Array), bytes);
      },
    ),
    { numRuns: 400 },
  );
});

const shape = len(2, len(2, num(1, 2)));

test('fields split over several messages, not packed, or given twice: merged as protobuf merges them', () => {
  const half = len(1, 'm');
  const one = Buffer.alloc(4);
  one.writeFloatLE(1.5);
  const tensor = (...parts: Buffer[]): Buffer => len(2, len(1, 'X'), len(2, ...parts));
  const body = Buffer.concat([
    len(1, half, len(2, num(1, 5))),
    // The label takes the place of the version, and the name stays.
    len(1, len(4, 'canary')),
    tensor(num(1, 9)),
    tensor(num(1, 1), shape, len(5, one), Buffer.concat([tag(5, 5), one])),
    len(9, 'unknown'),
  ]);
  const read = decodePredictRequest(body);
  const theirs = fromBinary(PredictRequestSchema, body);
  assert.deepEqual(read.spec, { name: 'm', version: undefined, label: 'canary', signature: '' });
  assert.equal(theirs.modelSpec?.versionChoice.value, 'canary');
  const { data } = read.inputs.get('X')?.finish('X', signatureOf('X', 'FP32', 2), { left: 0 }) ?? {};
  assert.deepEqual(data && new Float32Array(Uint8Array.from(data).buffer), Float32Array.of(1.5, 1.5));
  assert.deepEqual(theirs.inputs['X']?.floatVal, [1.5, 1.5]);
});

/** What a request says, in the terms of the generated code; only of what both agree to read. */
function meaning({ modelSpec, inputs, outputFilter }: PredictRequest): unknown {
  const { name = '', signatureName = '' } = modelSpec ?? {};
  const dims = (tensor: TensorProto) => tensor.tensorShape?.dim.map(({ size }) => size) ?? [];
  const tensors = Object.entries(inputs).map(([key, tensor]) => [
    key,
    datatypeOf(tensor.dtype),
    dims(tensor),
  ]);
  return { name, signatureName, outputs: outputFilter, tensors: tensors.sort() };
}

/** What is said of the tensors when they are made. */
function faultsOf({ inputs }: ReturnType<typeof decodePredictRequest>): string {
  const faults = [...inputs].map(([key, tensor]) => {
    try {
      tensor.finish(key, signatureOf(key, 'FP32', 2), { left: 64 });
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  });
  return faults.join();
}

test('bytes that were changed at random are refused, or read as @bufbuild/protobuf reads them', () => {
  const init = {
    modelSpec: {
      name: 'model',
      signatureName: 'serving_default',
      versionChoice: { case: 'versionLabel' as const, value: 'x' },
    },
    inputs: {
      X: { dtype: 1, tensorShape: { dim: [{ size: 2n }] }, floatVal: [1, 2] },
      S: { dtype: 7, stringVal: [Buffer.from('abc')] },
    },
    outputFilter: ['Y'],
  };
  const body = Buffer.from(toBinary(PredictRequestSchema, create(PredictRequestSchema, init)));
  let read = 0;
  let refused = 0;
  fc.assert(
    fc.property(fc.nat(body.length - 1), fc.nat(255), fc.nat(body.length), (at, byte, cut) => {
      const changed = Buffer.from(cut % 4 === 0 ? body.subarray(0, cut) : body);
      if (at < changed.length) changed[at] = byte;
      let mine: ReturnType<typeof decodePredictRequest>;
      try {
        mine = decodePredictRequest(changed);
      } catch (error) {
        assert.ok(
          error instanceof GatewayError && /INTERNAL|INVALID_ARGUMENT/.test(error.code),
          String(error),
        );
        refused++;
        return;
      }
      read++;
      const tensors = [...mine.inputs].map(([key, one]) => [key, one.datatype, one.shape.map(BigInt)]);
      const ours = {
        ...{ name: mine.spec?.name ?? '', signatureName: mine.spec?.signature ?? '' },
        ...{ outputs: mine.outputs, tensors: tensors.sort() },
      };
      let theirs: typeof ours;
      try {
        theirs = meaning(fromBinary(PredictRequestSchema, changed)) as typeof ours;
      } catch {
        // Resources, variants and names of dimensions are not looked into: a tensor that has one of the former is refused when it is made.
        assert.ok(
          /resources|dimension|rank|dtype|values/.test(faultsOf(mine)),
          'read, though it is no such message',
        );
        return;
      }
      // A dimension that is none is noted, and told when the tensor is made.
      const whole = theirs.tensors.every(([, , dims]) =>
        (dims as bigint[]).every((size) => size >= 0n && size < 2n ** 53n),
      );
      if (whole) assert.deepEqual(ours, theirs);
    }),
    { numRuns: 3000 },
  );
  assert.ok(read > 300 && refused > 300, `${read} read, ${refused} refused: too one-sided to say anything`);
});

test('a tensor of small parts is refused before it is read to its end; so is one of too many inputs', () => {
  const many = (part: Buffer, count: number): Buffer => Buffer.alloc(part.length * count, part);
  const inTensor = (parts: Buffer): Buffer => len(2, len(1, 'X'), len(2, parts));
  const costly = [
    many(len(2, ''), 2 ** 20 + 1),
    inTensor(len(2, many(len(2, ''), 2 ** 20))),
    inTensor(many(num(7, 1), 2 ** 20)),
    Buffer.concat(Array.from({ length: 4097 }, (_, i) => len(2, len(1, `i${i}`)))),
    many(len(3, 'Y'), 4097),
  ];
  for (const body of costly)
    assert.throws(
      () => decodePredictRequest(body),
      (error: GatewayError) => error.code === 'INVALID_ARGUMENT',
    );
});

test('one value for a huge shape takes no more memory than a message may', () => {
  const filled = (rows: number, left: number) => {
    const tensor = {
      dtype: 1,
      tensorShape: { dim: [{ size: BigInt(rows) }, { size: 1000n }] },
      floatVal: [1],
    };
    const bytes = toBinary(PredictRequestSchema, create(PredictRequestSchema, { inputs: { X: tensor } }));
    const signature = { ...signatureOf('X', 'FP32', 1000), maxBatchSize: 1_000_000 };
    return decodePredictRequest(bytes).inputs.get('X')?.finish('X', signature, { left });
  };
  assert.equal(filled(10, 40_000)?.data.length, 40_000);
  assert.throws(() => filled(1_000_000, 2 ** 26), /filled up to its shape, are more than a message may have/);
});

test('answers: each datatype in both forms, sizes 0 and large, read by @bufbuild/protobuf', () => {
  for (const datatype of Object.keys(DATATYPE_BYTES) as Datatype[]) {
    for (const rows of [0, 1, 3]) {
      const width = DATATYPE_BYTES[datatype];
      const data =
        width === 0
          ? Buffer.concat(Array.from({ length: rows }, () => Buffer.from([2, 0, 0, 0, 0x68, 0x69])))
          : Buffer.alloc(rows * width, 1);
      const outputs = [{ name: 'Y', datatype, shape: [rows], data }];
      const timing = { queueMs: 0, computeMs: 0, batchRows: 1 };
      const result = { model: 'm', version: 2 ** 40, id: '', outputs, timing };
      for (const form of ['typed', 'content'] as const) {
        const bytes = messageBytes(new PredictResponse(result, form));
        const read = fromBinary(PredictResponseSchema, bytes);
        const { version, versionChoice } = { version: BigInt(2 ** 40), ...read.modelSpec };
        assert.equal(versionChoice?.case === 'version' && versionChoice.value.value, version);
        const tensor = read.outputs['Y'] as TensorProto;
        assert.equal(tensor.dtype, tensorflowNumber(datatype));
        // Written again by the library, it is the same bytes: nothing in it is only nearly right.
        const again = toBinary(TensorProtoSchema, tensor);
        assert.ok(Buffer.from(bytes).includes(Buffer.from(again)), `${datatype} x ${rows} ${form}`);
      }
    }
  }
});
