import type { TestContext } from 'node:test';
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { PredictionService } from '../../gateway/gen/tensorflow_serving/apis/prediction_service_pb.js';
import { frame, RawClient } from './raw-grpc.js';

type Method<I extends DescMessage, O extends DescMessage> = DescMethod & { input: I; output: O };

/** What a call came to: an answer where the status is 0. */
export interface Called<O extends DescMessage> {
  readonly status: number | undefined;
  readonly message: string;
  readonly answer: MessageShape<O> | undefined;
}

export type TfsCaller = <I extends DescMessage, O extends DescMessage>(
  method: Method<I, O>,
  request: MessageInitShape<I>,
  headers?: Record<string, string>,
) => Promise<Called<O>>;

/** Calls TensorFlow Serving's services with messages that generated code writes and reads, while the server's own codec is hand-cut. */
export function tfsCaller(t: TestContext, port: number): TfsCaller {
  const client = new RawClient(port);
  t.after(() => client.close());
  return async (method, request, headers) => {
    const body = frame(toBinary(method.input, create(method.input, request)));
    const path = `/${method.parent.typeName}/${method.name}`;
    const { status, message, messages } = await client.call(path, body, headers);
    const answer = status === 0 ? fromBinary(method.output, messages[0] as Uint8Array) : undefined;
    return { status, message, answer };
  };
}

/** The services' methods by the names that tests read best. */
export const PREDICTION = PredictionService.method;

/** A shape as a message has it. */
export function shapeOf(...dims: number[]) {
  return { dim: dims.map((size) => ({ size: BigInt(size) })) };
}
