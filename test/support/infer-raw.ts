import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from '../../gateway/gen/inference/grpc_service_pb.js';
import { frame, type RawClient } from './raw-grpc.js';

/** What came back of one ModelInfer: outputs with their bytes, or a status other than 0 with its message. */
export interface InferAnswer {
  readonly status: number | undefined;
  readonly message: string;
  readonly id: string;
  readonly outputs: readonly { name: string; datatype: string; shape: number[]; data: Uint8Array }[];
}

/** Sends a ModelInferRequest, encoded by the generated code, and reads the answer bit for bit. */
export async function inferRaw(
  client: RawClient,
  request: MessageInitShape<typeof ModelInferRequestSchema>,
): Promise<InferAnswer> {
  const body = toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, request));
  const path = '/inference.GRPCInferenceService/ModelInfer';
  const { status, message, messages } = await client.call(path, frame(body));
  const answer = fromBinary(ModelInferResponseSchema, messages[0] ?? new Uint8Array(0));
  return {
    status,
    message,
    id: answer.id,
    outputs: answer.outputs.map(({ name, datatype, shape }, i) => ({
      name,
      datatype,
      shape: shape.map(Number),
      // Not a Buffer, whose slice() would be a view.
      data: new Uint8Array(answer.rawOutputContents[i] ?? []),
    })),
  };
}
