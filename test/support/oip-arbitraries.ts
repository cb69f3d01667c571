/** ModelInferRequests of every kind, for the codec's tests: all datatypes, raw and typed, parameters of every kind. */
import type { MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { DATATYPE_BYTES } from '../../gateway/core/datatype.js';
import type { ModelInferRequestSchema } from '../../gateway/gen/inference/grpc_service_pb.js';

type RequestInit = MessageInitShape<typeof ModelInferRequestSchema>;

export const anyText = fc.oneof(
  fc.constantFrom('', 'iris', 'X'),
  fc.string({ unit: 'binary', maxLength: 80 }),
);
export const anyBytes = fc.uint8Array({ maxLength: 40 });
const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer({ min: -3, max: 300 }).map(BigInt),
);
const uint64 = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.integer({ min: 0, max: 300 }).map(BigInt),
);
const dims = fc.array(fc.integer({ min: 0, max: 2 ** 40 }).map(BigInt), { maxLength: 5 });

const parameter = fc.oneof(
  fc.record({ case: fc.constant('boolParam' as const), value: fc.boolean() }),
  fc.record({ case: fc.constant('int64Param' as const), value: int64 }),
  fc.record({ case: fc.constant('stringParam' as const), value: anyText }),
  fc.record({ case: fc.constant('doubleParam' as const), value: fc.double() }),
  fc.record({ case: fc.constant('uint64Param' as const), value: uint64 }),
  fc.constant({ case: undefined }),
);
const parameters = fc.dictionary(
  fc.oneof(
    fc.constantFrom('priority', 'timeout', 'sequence_id', ''),
    anyText.filter((key) => !['shared_memory_region', 'classification', '__proto__'].includes(key)),
  ),
  parameter.map((parameterChoice) => ({ parameterChoice })),
  { maxKeys: 4 },
);

const integers = (min: number, max: number) => fc.array(fc.integer({ min, max }), { maxLength: 20 });

/** A datatype, and contents in its own field: every datatype that has one. */
const typed = fc.oneof(
  fc
    .array(fc.boolean(), { maxLength: 20 })
    .map((boolContents) => ({ datatype: 'BOOL', contents: { boolContents } })),
  integers(-128, 127).map((intContents) => ({ datatype: 'INT8', contents: { intContents } })),
  integers(-32768, 32767).map((intContents) => ({ datatype: 'INT16', contents: { intContents } })),
  integers(-(2 ** 31), 2 ** 31 - 1).map((intContents) => ({ datatype: 'INT32', contents: { intContents } })),
  fc
    .array(int64, { maxLength: 20 })
    .map((int64Contents) => ({ datatype: 'INT64', contents: { int64Contents } })),
  integers(0, 255).map((uintContents) => ({ datatype: 'UINT8', contents: { uintContents } })),
  integers(0, 65535).map((uintContents) => ({ datatype: 'UINT16', contents: { uintContents } })),
  integers(0, 2 ** 32 - 1).map((uintContents) => ({ datatype: 'UINT32', contents: { uintContents } })),
  fc
    .array(uint64, { maxLength: 20 })
    .map((uint64Contents) => ({ datatype: 'UINT64', contents: { uint64Contents } })),
  fc
    .array(fc.float(), { maxLength: 20 })
    .map((fp32Contents) => ({ datatype: 'FP32', contents: { fp32Contents } })),
  fc
    .array(fc.double(), { maxLength: 20 })
    .map((fp64Contents) => ({ datatype: 'FP64', contents: { fp64Contents } })),
  fc
    .array(anyBytes, { maxLength: 8 })
    .map((bytesContents) => ({ datatype: 'BYTES', contents: { bytesContents } })),
);

/** A classification that can be meant. */
const classification = fc.oneof(
  fc.record({ case: fc.constant('int64Param' as const), value: fc.bigInt({ min: 1n, max: 2n ** 63n - 1n }) }),
  fc.record({
    case: fc.constant('uint64Param' as const),
    value: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }),
  }),
);
const outputParameters = fc
  .tuple(parameters, fc.option(classification, { freq: 3 }))
  .map(([others, parameterChoice]) =>
    parameterChoice === null ? others : { ...others, classification: { parameterChoice } },
  );

const head = {
  modelName: anyText,
  modelVersion: anyText,
  id: anyText,
  parameters,
  outputs: fc.array(fc.record({ name: anyText, parameters: outputParameters }), { maxLength: 3 }),
};
const typedRequest: fc.Arbitrary<RequestInit> = fc.record({
  ...head,
  inputs: fc.array(
    fc.tuple(anyText, dims, parameters, typed).map(([name, shape, more, content]) => ({
      name,
      shape,
      parameters: more,
      ...content,
    })),
    { maxLength: 4 },
  ),
});
const rawRequest: fc.Arbitrary<RequestInit> = fc
  .tuple(
    fc.record(head),
    fc.array(
      fc.record({
        name: anyText,
        shape: dims,
        datatype: fc.constantFrom(...Object.keys(DATATYPE_BYTES)),
        raw: anyBytes,
      }),
      { maxLength: 4 },
    ),
  )
  .map(([rest, inputs]) => ({
    ...rest,
    inputs: inputs.map(({ raw: _, ...input }) => input),
    rawInputContents: inputs.map(({ raw }) => raw),
  }));

/** Requests that are meant seriously. */
export const anyRequest: fc.Arbitrary<RequestInit> = fc.oneof(typedRequest, rawRequest);
