import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { ExpectedAnswer } from '../../../bench/contract.js';
import { readInferAnswer } from '../../../bench/infer-answer.js';
import { Verifier } from '../../../bench/verify.js';
import { ModelInferResponseSchema } from '../../../gateway/gen/inference/grpc_service_pb.js';

const encode = (answer: MessageInitShape<typeof ModelInferResponseSchema>): Buffer =>
  Buffer.from(toBinary(ModelInferResponseSchema, create(ModelInferResponseSchema, answer)));
const bytesOf = (
  values: Float32Array | Float64Array | BigInt64Array | Uint8Array | Uint16Array,
): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
const f32 = (...values: number[]): Uint8Array => bytesOf(Float32Array.from(values));

const answerOf = (datatype: string, raw: Uint8Array, name = 'y'): Buffer =>
  encode({
    modelName: 'm',
    modelVersion: '3',
    id: 'x',
    parameters: { p: { parameterChoice: { case: 'int64Param', value: 5n } } },
    outputs: [{ name, datatype, shape: [1n, 2n] }],
    rawOutputContents: [raw],
  });

const expecting = (datatype: string, raw: Uint8Array, absolute = 0, relative = 0): ExpectedAnswer => ({
  outputs: [{ name: 'y', datatype, raw }],
  absolute,
  relative,
});

const check = (answer: Buffer, expected: ExpectedAnswer): string | undefined =>
  new Verifier([expected]).check(0, answer);

const ROWS: readonly (readonly [
  sentence: string,
  answer: Buffer,
  expected: ExpectedAnswer,
  fault: RegExp | undefined,
])[] = [
  ['the same bytes are right', answerOf('FP32', f32(1, 2)), expecting('FP32', f32(1, 2)), undefined],
  [
    'a float within the absolute tolerance is right',
    answerOf('FP32', f32(1, 2.01)),
    expecting('FP32', f32(1, 2), 0.02),
    undefined,
  ],
  [
    'a float within the relative tolerance is right',
    answerOf('FP32', f32(1, 202)),
    expecting('FP32', f32(1, 200), 0, 0.01),
    undefined,
  ],
  [
    'a float beyond both is wrong, and named',
    answerOf('FP32', f32(1, 203)),
    expecting('FP32', f32(1, 200), 0.1, 0.01),
    /"y": element 1 is 203, wanted 200/,
  ],
  [
    'NaN for NaN is right',
    answerOf('FP32', f32(Number.NaN, 1.1)),
    expecting('FP32', f32(Number.NaN, 1), 0.2),
    undefined,
  ],
  [
    'NaN for a number is wrong, whatever the tolerance',
    answerOf('FP32', f32(Number.NaN)),
    expecting('FP32', f32(1), 1e9),
    /is NaN/,
  ],
  [
    'an infinity for a number is wrong',
    answerOf('FP32', f32(Number.POSITIVE_INFINITY)),
    expecting('FP32', f32(1), 1e9),
    /Infinity/,
  ],
  [
    'a number for an infinity is wrong',
    answerOf('FP32', f32(1)),
    expecting('FP32', f32(Number.POSITIVE_INFINITY), 1, 1),
    /wanted Infinity/,
  ],
  [
    'doubles have tolerances too',
    answerOf('FP64', bytesOf(Float64Array.of(1.5))),
    expecting('FP64', bytesOf(Float64Array.of(1)), 0.5),
    undefined,
  ],
  [
    'half floats have tolerances too',
    answerOf('FP16', bytesOf(Uint16Array.of(0x3c01))),
    expecting('FP16', bytesOf(Uint16Array.of(0x3c00)), 0.001),
    undefined,
  ],
  [
    'half floats are compared by value',
    answerOf('FP16', bytesOf(Uint16Array.of(0x4000))),
    expecting('FP16', bytesOf(Uint16Array.of(0x3c00)), 0.5),
    /is 2, wanted 1/,
  ],
  [
    'bfloats are compared by value',
    answerOf('BF16', bytesOf(Uint16Array.of(0x4000))),
    expecting('BF16', bytesOf(Uint16Array.of(0x3f80)), 0.5),
    /is 2, wanted 1/,
  ],
  [
    'integers are compared bit by bit, whatever the tolerance',
    answerOf('INT64', bytesOf(BigInt64Array.of(2n))),
    expecting('INT64', bytesOf(BigInt64Array.of(3n)), 9),
    /byte 0 is 2, wanted 3/,
  ],
  ['a missing output is wrong', answerOf('FP32', f32(1), 'z'), expecting('FP32', f32(1)), /"y" is missing/],
  ['another datatype is wrong', answerOf('FP64', f32(1)), expecting('FP32', f32(1)), /datatype "FP64"/],
  ['fewer elements are wrong', answerOf('FP32', f32(1)), expecting('FP32', f32(1, 2)), /4 bytes, wanted 8/],
  [
    'outputs that nobody asked about are let pass',
    answerOf('FP32', f32(1)),
    { outputs: [], absolute: 0, relative: 0 },
    undefined,
  ],
  [
    'bytes that are no message are wrong',
    Buffer.from([0x2a, 0x7f, 1]),
    expecting('FP32', f32(1)),
    /no ModelInferResponse/,
  ],
  ['a group is no message', Buffer.from([0x0b]), expecting('FP32', f32(1)), /wire type 3/],
];

for (const [sentence, answer, expected, fault] of ROWS) {
  test(sentence, () => {
    const found = check(answer, expected);
    if (fault === undefined) assert.equal(found, undefined);
    else assert.match(found ?? 'nothing', fault);
  });
}

test('bytes that were accepted once are accepted again, other bytes are looked at again', () => {
  const verifier = new Verifier([expecting('FP32', f32(1), 0.5), expecting('FP32', f32(2), 0.5)]);
  const near = answerOf('FP32', f32(1.25));
  assert.equal(verifier.check(0, near), undefined);
  assert.equal(verifier.check(0, Buffer.from(near)), undefined);
  assert.match(verifier.check(1, near) ?? '', /1.25, wanted 2/, 'each request has its own answer');
  assert.match(verifier.check(0, answerOf('FP32', f32(9))) ?? '', /is 9/);
  assert.equal(verifier.check(0, near), undefined);
});

test('typed contents, as other servers answer, read as raw ones', () => {
  const typed = encode({
    outputs: [
      { name: 'f', datatype: 'FP32', contents: { fp32Contents: [1.5, -2] } },
      { name: 'd', datatype: 'FP64', contents: { fp64Contents: [0.1] } },
      { name: 'i8', datatype: 'INT8', contents: { intContents: [-1, 2] } },
      { name: 'u16', datatype: 'UINT16', contents: { uintContents: [65_535] } },
      { name: 'i64', datatype: 'INT64', contents: { int64Contents: [-(2n ** 63n), 7n] } },
      { name: 'u64', datatype: 'UINT64', contents: { uint64Contents: [2n ** 64n - 1n] } },
      { name: 'b', datatype: 'BOOL', contents: { boolContents: [true, false] } },
      { name: 's', datatype: 'BYTES', contents: { bytesContents: [Buffer.from('hi'), Buffer.alloc(0)] } },
    ],
  });
  const raw = Object.fromEntries(
    readInferAnswer(typed).map((output) => [output.name, Buffer.from(output.raw)]),
  );
  assert.deepEqual(raw['f'], Buffer.from(f32(1.5, -2)));
  assert.deepEqual(raw['d'], Buffer.from(bytesOf(Float64Array.of(0.1))));
  assert.deepEqual(raw['i8'], Buffer.from([255, 2]));
  assert.deepEqual(raw['u16'], Buffer.from([255, 255]));
  assert.deepEqual(raw['i64'], Buffer.from(bytesOf(BigInt64Array.of(-(2n ** 63n), 7n))));
  assert.deepEqual(raw['u64'], Buffer.alloc(8, 255));
  assert.deepEqual(raw['b'], Buffer.from([1, 0]));
  assert.deepEqual(raw['s'], Buffer.from('\x02\0\0\0hi\0\0\0\0', 'latin1'));
});
