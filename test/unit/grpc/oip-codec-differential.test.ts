/** The hand-cut codec against two independent implementations: @bufbuild/protobuf and protobufjs (under proto-loader). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
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
import { seededRandom } from '../../../worker/sample-inputs.js';
import { messageBytes } from '../../support/message-bytes.js';
import { anyBytes, anyRequest, anyText } from '../../support/oip-arbitraries.js';
import { comparable, meaningOf } from '../../support/oip-meaning.js';
import { scrambled } from '../../support/scrambled-request.js';

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

test('requests encoded by @bufbuild/protobuf are read as it reads them', () => {
  fc.assert(
    fc.property(anyRequest, (init) => {
      const message = create(ModelInferRequestSchema, init);
      assert.deepEqual(
        comparable(decodeInferRequest(toBinary(ModelInferRequestSchema, message))),
        meaningOf(message),
      );
    }),
    { numRuns: 500 },
  );
});

/** Parameters in the plain form: `{ int64_param: '5' }`. */
function plainParameters(parameters: ModelInferRequest['parameters']): Record<string, object> {
  return Object.fromEntries(
    Object.entries(parameters).map(([key, { parameterChoice: choice }]) => {
      if (choice.case === undefined) return [key, {}];
      const field = choice.case.replace('Param', '_param');
      return [key, { [field]: typeof choice.value === 'bigint' ? String(choice.value) : choice.value }];
    }),
  );
}

test('fields in any order, unknown ones between them, runs split or not packed: read as @bufbuild/protobuf reads them', () => {
  fc.assert(
    fc.property(anyRequest, fc.integer(), (init, seed) => {
      const message = create(ModelInferRequestSchema, init);
      const body = scrambled(message, seededRandom(seed));
      const read = fromBinary(ModelInferRequestSchema, body);
      assert.deepEqual(comparable(decodeInferRequest(body)), meaningOf(read));
      assert.deepEqual(meaningOf(read), meaningOf(message), 'the scrambling itself changes nothing');
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
        parameters: plainParameters(message.parameters),
        inputs: message.inputs.map((input) => ({
          name: input.name,
          datatype: input.datatype,
          shape: input.shape.map(String),
          parameters: plainParameters(input.parameters),
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
        outputs: message.outputs.map(({ name, parameters }) => ({
          name,
          parameters: plainParameters(parameters),
        })),
        raw_input_contents: message.rawInputContents,
      });
      assert.deepEqual(
        comparable(decodeInferRequest(encoded)),
        meaningOf(fromBinary(ModelInferRequestSchema, encoded)),
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
        assert.deepEqual(comparable(ours), meaningOf(fromBinary(ModelInferRequestSchema, damaged)));
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(read > 300 && refused > 300, `${read} read, ${refused} refused: the damage is one-sided`);
});

const result: fc.Arbitrary<InferResult> = fc.record({
  model: anyText,
  version: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  id: anyText,
  timing: fc.constant({ queueMs: 0, computeMs: 0, batchRows: 1 }),
  outputs: fc.array(
    fc.record({
      name: anyText,
      datatype: fc.constantFrom(...(Object.keys(DATATYPE_BYTES) as Datatype[])),
      shape: fc.array(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { maxLength: 5 }),
      data: anyBytes,
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
