/**
 * Every single-operator conformance vector of ONNX that onnxruntime-node alone answers right is right through the gateway
 * (within the vector's own tolerance), and where the runtime is not, its answer comes through as it is, bit for bit.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError } from '@grpc/grpc-js';
import type { Datatype } from '../../gateway/core/datatype.js';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../gateway/gen/inference/grpc_service_pb.js';
import { repositoryRoot, startServerProcess } from '../support/server-process.js';
import { runBare } from './bare-onnx.js';
import { assertOrderly, skipOrFail } from './tools.js';
import { fault, readVectors, type Vector, type VectorTensor } from './vectors.js';

const folder = join(repositoryRoot, 'test/interop/.env/vectors');
const INFER = '/inference.GRPCInferenceService/ModelInfer';

/** Vectors whose answers may be others through the gateway than from the runtime alone, and why. */
const exceptions = JSON.parse(
  readFileSync(join(repositoryRoot, 'test/interop/vector-exceptions.json'), 'utf8'),
) as Readonly<Record<string, string>>;

function throughGateway(client: Client, { model, inputs }: Vector): Promise<VectorTensor[]> {
  const request = create(ModelInferRequestSchema, {
    modelName: model,
    inputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape: shape.map(BigInt) })),
    rawInputContents: inputs.map(({ data }) => data),
  });
  const body = Buffer.from(toBinary(ModelInferRequestSchema, request));
  return new Promise((resolve, reject) => {
    const same = (bytes: Buffer) => bytes;
    client.makeUnaryRequest(INFER, same, same, body, (error: ServiceError | null, answer?: Buffer) => {
      if (error !== null) return reject(error);
      const { outputs, rawOutputContents } = fromBinary(ModelInferResponseSchema, answer as Buffer);
      resolve(
        outputs.map(({ name, datatype, shape }, i) => ({
          name,
          datatype: datatype as Datatype,
          shape: shape.map(Number),
          // Not a Buffer: its slice() would be a view.
          data: new Uint8Array(rawOutputContents[i] as Uint8Array),
        })),
      );
    });
  });
}

/** An answer, or the message of the error in its place. */
type Outcome = readonly VectorTensor[] | string;

const settle = (answer: Promise<readonly VectorTensor[]>): Promise<Outcome> =>
  answer.catch((error: Error) => error.message);

/** Undefined when the gateway's answer is right, or the very one of the runtime alone; else what is wrong with it. */
function faultOf(through: Outcome, bare: readonly VectorTensor[], vector: Vector): string | undefined {
  if (typeof through === 'string') return through;
  const wrong = fault(through, vector);
  if (wrong === undefined) return undefined;
  if (fault(bare, vector) === undefined) return wrong;
  return fault(through, { ...vector, outputs: bare, rtol: 0, atol: 0 });
}

interface Counts {
  vectors: number;
  plain: number;
  ran: number;
  right: number;
  rightThrough: number;
  sameThrough: number;
}

test('what onnxruntime-node answers to the ONNX vectors comes through the gateway', {
  timeout: 600_000,
}, async (t) => {
  if (!existsSync(join(folder, 'vectors.json')))
    return skipOrFail(t, 'vectors', 'the ONNX vectors are not there: run `npm run interop:setup`');
  const vectors = readVectors(folder);
  const server = await startServerProcess({
    // Some vectors are of the operators Loop and Scan.
    args: ['--model-repository', join(folder, 'models'), '--allow-loops'],
    startTimeoutMs: 500_000,
  });
  const client = new Client(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure());
  t.after(async () => {
    client.close();
    assertOrderly(await server.stop(), server);
  });
  const failures: string[] = [];
  const counts: Record<string, Counts> = {};
  for (const vector of vectors) {
    counts[vector.source] ??= { vectors: 0, plain: 0, ran: 0, right: 0, rightThrough: 0, sameThrough: 0 };
    const count = counts[vector.source] as Counts;
    count.vectors++;
    if (vector.notPlain !== undefined) continue;
    count.plain++;
    const bare = await settle(runBare(join(folder, 'models', vector.model, '1/model.onnx'), vector.inputs));
    const through = await settle(throughGateway(client, vector));
    // What the runtime cannot run is refused by name; that is not what this test is about.
    if (typeof bare === 'string') continue;
    count.ran++;
    if (fault(bare, vector) === undefined) count.right++;
    const wrong = faultOf(through, bare, vector);
    if (typeof through !== 'string') {
      if (fault(through, vector) === undefined) count.rightThrough++;
      if (fault(through, { ...vector, outputs: bare, rtol: 0, atol: 0 }) === undefined) count.sameThrough++;
    }
    if (wrong !== undefined && !Object.hasOwn(exceptions, vector.name))
      failures.push(`${vector.model}: ${wrong}`);
  }
  for (const [source, count] of Object.entries(counts))
    t.diagnostic(
      `${source}: ${count.vectors} vectors, ${count.plain} of plain tensors, ${count.ran} run by onnxruntime-node alone; ` +
        `right alone ${count.right}, right through the gateway ${count.rightThrough}, the same to the bit ${count.sameThrough}`,
    );
  assert.ok((counts['generated']?.right ?? 0) > 1000, 'too few vectors to say anything');
  assert.deepEqual(failures, [], `${failures.length} vectors`);
});
