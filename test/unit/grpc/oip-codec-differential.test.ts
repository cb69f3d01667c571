/** The hand-cut codec against two independent implementations: @bufbuild/protobuf and protobufjs (under proto-loader). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import fc from 'fast-check';
import { DATATYPE_BYTES, type Datatype } from '../../../gateway/core/datatype.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { InferResult } from '../../../gateway/core/infer-call.js';
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../../gateway/gen/inference/grpc_service_pb.js';
import { InferResponse } from '../../../gateway/grpc/infer-response.js';
import { decodeInferRequest, type InferRequest } from '../../../gateway/grpc/oip-codec.js';
import { messageBytes } from '../../support/message-bytes.js';

const proto = fileURLToPath(new URL('../../../../proto', import.meta.url));
const loaded = loadSync('inference/grpc_service.proto', {
  includeDirs: [proto],
  keepCase: true,
  longs: String,
  defaults: true,
});
const modelInfer = (
  loaded['inference.GRPCInferenceService'] as Record<string, MethodDefinition<object, object>>
)['ModelInfer'] as MethodDefinition<object, object>;

type RequestInit = MessageInitShape<typeof ModelInferRequestSchema>;

const text = fc.oneof(fc.constantFrom('', 'iris', 'X'), fc.string({ unit: 'binary', maxLength: 80 }));
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = fc.uint8Array({ maxLength: 40 });
const dims = fc.array(fc.integer({ min: 0, max: 2 ** 40 }).map(BigInt), { maxLength: 5 });
const floats = fc.array(fc.float({ noNaN: true }), { maxLength: 20 });

const parameter = fc.oneof(
  fc.record({ case: fc.constant('boolParam' as const), value: fc.boolean() }),
  fc.record({ case: fc.constant('int64Param' as const), value: int64 }),
  fc.record({ case: fc.constant('stringParam' as const), value: text }),
  fc.record({ case: fc.constant('doubleParam' as const), value: fc.double({ noNaN: true }) }),
  fc.record({ case: fc.constant('uint64Param' as const), value: uint64 }),
);
const parameters = fc.dictionary(
  text.filter((key) => key !== 'shared_memory_region' && key !== 'classification' && key !== '__proto__'),
  parameter.map((parameterChoice) => ({ parameterChoice })),
  { maxKeys: 4 },
);

/** A datatype, and contents in its own field. */
const typed = fc.oneof(
  fc.array(fc.boolean()).map((boolContents) => ({ datatype: 'BOOL', contents: { boolContents } })),
  fc.array(fc.integer()).map((intContents) => ({ datatype: 'INT32', contents: { intContents } })),
  fc
    .array(fc.integer({ min: -128, max: 127 }))
    .map((intContents) => ({ datatype: 'INT8', contents: { intContents } })),
  fc.array(int64).map((int64Contents) => ({ datatype: 'INT64', contents: { int64Contents } })),
  fc
    .array(fc.integer({ min: 0, max: 65535 }))
    .map((uintContents) => ({ datatype: 'UINT16', contents: { uintContents } })),
  fc.array(uint64).map((uint64Contents) => ({ datatype: 'UINT64', contents: { uint64Contents } })),
  floats.map((fp32Contents) => ({ datatype: 'FP32', contents: { fp32Contents } })),
  fc.array(fc.double()).map((fp64Contents) => ({ datatype: 'FP64', contents: { fp64Contents } })),
  fc.array(bytes).map((bytesContents) => ({ datatype: 'BYTES', contents: { bytesContents } })),
);

const head = { modelName: text, modelVersion: text, id: text, parameters };
const outputs = fc.array(fc.record({ name: text, parameters }), { maxLength: 3 });
const typedRequest: fc.Arbitrary<RequestInit> = fc.record({
  ...head,
  outputs,
  inputs: fc.array(
    fc.tuple(text, dims, parameters, typed).map(([name, shape, more, content]) => ({
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
    fc.record({ ...head, outputs }),
    fc.array(
      fc.record({
        name: text,
        shape: dims,
        datatype: fc.constantFrom(...Object.keys(DATATYPE_BYTES)),
        raw: bytes,
      }),
      { maxLength: 4 },
    ),
  )
  .map(([rest, inputs]) => ({
    ...rest,
    inputs: inputs.map(({ raw: _, ...input }) => input),
    rawInputContents: inputs.map(({ raw }) => raw),
  }));
const anyRequest = fc.oneof(typedRequest, rawRequest);

/** What a decoded message means, worked out plainly. */
function expected(message: ModelInferRequest): Omit<InferRequest, 'parameters'> & { parameters: unknown } {
  return {
    model: message.modelName,
    version: message.modelVersion,
    id: message.id,
    outputs: message.outputs.map(({ name }) => name),
    parameters: Object.entries(message.parameters)
      .filter(([, { parameterChoice }]) => parameterChoice.case !== undefined)
      .map(([key, { parameterChoice }]) => [key, parameterChoice.value])
      .sort(),
    inputs: message.inputs.map((input, index) => ({
      name: input.name,
      datatype: input.datatype as Datatype,
      shape: input.shape.map(Number),
      data: Buffer.from(message.rawInputContents[index] ?? contentBytes(input)),
    })),
  };
}

function contentBytes({ contents, datatype }: ModelInferRequest['inputs'][number]): Buffer {
  switch (datatype) {
    case 'BOOL':
      return Buffer.from((contents?.boolContents ?? []).map(Number));
    case 'INT8':
      return Buffer.from(Int8Array.from(contents?.intContents ?? []).buffer);
    case 'INT32':
      return Buffer.from(Int32Array.from(contents?.intContents ?? []).buffer);
    case 'INT64':
      return Buffer.from(BigInt64Array.from(contents?.int64Contents ?? []).buffer);
    case 'UINT16':
      return Buffer.from(Uint16Array.from(contents?.uintContents ?? []).buffer);
    case 'UINT64':
      return Buffer.from(BigUint64Array.from(contents?.uint64Contents ?? []).buffer);
    case 'FP32':
      return Buffer.from(Float32Array.from(contents?.fp32Contents ?? []).buffer);
    case 'FP64':
      return Buffer.from(Float64Array.from(contents?.fp64Contents ?? []).buffer);
    default: {
      const parts = (contents?.bytesContents ?? []).flatMap((element) => {
        const length = Buffer.alloc(4);
        length.writeUInt32LE(element.length);
        return [length, Buffer.from(element)];
      });
      return Buffer.concat(parts);
    }
  }
}

function comparable(request: InferRequest): ReturnType<typeof expected> {
  return {
    ...request,
    parameters: [...request.parameters].sort(),
    inputs: request.inputs.map((tensor) => ({ ...tensor, data: Buffer.from(tensor.data) })),
  };
}

test('requests encoded by @bufbuild/protobuf are read as it reads them', () => {
  fc.assert(
    fc.property(anyRequest, (init) => {
      const message = create(ModelInferRequestSchema, init);
      assert.deepEqual(
        comparable(decodeInferRequest(toBinary(ModelInferRequestSchema, message))),
        expected(message),
      );
    }),
    { numRuns: 500 },
  );
});

test('requests encoded by protobufjs are read as @bufbuild/protobuf reads them', () => {
  fc.assert(
    fc.property(anyRequest, (init) => {
      // The plain form that proto-loader takes: snake case, longs as strings.
      const message = create(ModelInferRequestSchema, init);
      const encoded = modelInfer.requestSerialize({
        model_name: message.modelName,
        model_version: message.modelVersion,
        id: message.id,
        inputs: message.inputs.map((input) => ({
          name: input.name,
          datatype: input.datatype,
          shape: input.shape.map(String),
          contents: input.contents && {
            bool_contents: input.contents.boolContents,
            int_contents: input.contents.intContents,
            int64_contents: input.contents.int64Contents.map(String),
            uint_contents: input.contents.uintContents,
            uint64_contents: input.contents.uint64Contents.map(String),
            fp32_contents: input.contents.fp32Contents,
            fp64_contents: input.contents.fp64Contents,
            bytes_contents: input.contents.bytesContents,
          },
        })),
        outputs: message.outputs.map(({ name }) => ({ name })),
        raw_input_contents: message.rawInputContents,
      });
      assert.deepEqual(
        comparable(decodeInferRequest(encoded)),
        expected(fromBinary(ModelInferRequestSchema, encoded)),
      );
    }),
    { numRuns: 300 },
  );
});

test('a damaged message is never read where @bufbuild/protobuf refuses it, nor read as anything else', () => {
  let read = 0;
  let refused = 0;
  fc.assert(
    fc.property(
      anyRequest,
      fc.nat(),
      fc.integer({ min: 0, max: 255 }),
      fc.boolean(),
      (init, at, byte, cut) => {
        const body = Buffer.from(toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, init)));
        if (body.length === 0) return;
        const damaged = cut ? body.subarray(0, at % body.length) : Buffer.from(body);
        if (!cut) damaged[at % body.length] = byte;
        let ours: InferRequest;
        try {
          ours = decodeInferRequest(damaged);
        } catch (error) {
          assert.ok(error instanceof GatewayError, String(error));
          refused++;
          return;
        }
        read++;
        assert.deepEqual(comparable(ours), expected(fromBinary(ModelInferRequestSchema, damaged)));
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(read > 300 && refused > 300, `${read} read, ${refused} refused: the damage is one-sided`);
});

const result: fc.Arbitrary<InferResult> = fc.record({
  model: text,
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  id: text,
  timing: fc.constant({ queueMs: 0, computeMs: 0, batchRows: 1 }),
  outputs: fc.array(
    fc.record({
      name: text,
      datatype: fc.constantFrom(...(Object.keys(DATATYPE_BYTES) as Datatype[])),
      shape: fc.array(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { maxLength: 5 }),
      data: bytes,
    }),
    { maxLength: 4 },
  ),
});

test('responses are read alike by @bufbuild/protobuf and protobufjs, every output with its raw contents', () => {
  fc.assert(
    fc.property(result, (answer) => {
      const encoded = messageBytes(new InferResponse(answer));
      const message = fromBinary(ModelInferResponseSchema, encoded);
      assert.deepEqual(
        message.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(Number) })),
        answer.outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      );
      assert.deepEqual(
        message.rawOutputContents.map((raw) => Buffer.from(raw)),
        answer.outputs.map(({ data }) => Buffer.from(data)),
      );
      assert.deepEqual(
        [message.modelName, message.modelVersion, message.id],
        [answer.model, String(answer.version), answer.id],
      );
      // Byte for byte what the library writes.
      assert.deepEqual(encoded, Buffer.from(toBinary(ModelInferResponseSchema, message)));
      const plain = modelInfer.responseDeserialize(encoded) as {
        model_name: string;
        raw_output_contents: Buffer[];
        outputs: { name: string; shape: string[] }[];
      };
      assert.equal(plain.model_name, answer.model);
      assert.deepEqual(
        plain.raw_output_contents.map((raw) => Buffer.from(raw)),
        answer.outputs.map(({ data }) => Buffer.from(data)),
      );
      assert.deepEqual(
        plain.outputs.map(({ shape }) => shape.map(Number)),
        answer.outputs.map(({ shape }) => shape),
      );
    }),
    { numRuns: 300 },
  );
});
