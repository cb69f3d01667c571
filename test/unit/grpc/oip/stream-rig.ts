import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { Cancellation } from '../../../../gateway/core/cancellation.js';
import type { GatewayError } from '../../../../gateway/core/error.js';
import type { InferCall, InferResult } from '../../../../gateway/core/infer-call.js';
import type { RpcContext, StreamHandler } from '../../../../gateway/core/transport.js';
import {
  ModelInferRequestSchema,
  type ModelStreamInferResponse,
  ModelStreamInferResponseSchema,
} from '../../../../gateway/gen/inference/grpc_service_pb.js';
import { modelStreamInfer, type StreamInferOptions } from '../../../../gateway/grpc/oip/stream-infer.js';
import { FakeClock } from '../../../support/fake-clock.js';

/** Lets everything that can go on go on. */
export const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Request = MessageInitShape<typeof ModelInferRequestSchema>;

/** A call that reached the layers behind the stream: answered or failed by the test. */
export interface Held {
  readonly call: InferCall;
  answer(outputBytes?: number): void;
  fail(error: GatewayError): void;
}

/** What a client does to a stream, and what it sees of it. */
export interface Rig {
  readonly clock: FakeClock;
  /** By request id, in the order of their coming. */
  readonly calls: Map<string, Held>;
  readonly sent: ModelStreamInferResponse[];
  /** `id` or `id!message`, in the order sent. */
  readonly answers: () => string[];
  readonly cancellation: Cancellation;
  readonly closing: Cancellation;
  /** How the stream ended: undefined while it goes on. */
  readonly ended: () => 'OK' | GatewayError | undefined;
  /** Messages that the stream has asked for. */
  readonly asked: () => number;
  write(request: Request | Uint8Array): void;
  halfClose(): void;
  /** Whether the client takes answers at once; else one for each `read`. */
  slow: boolean;
  read(): void;
}

interface RigOptions extends Partial<StreamInferOptions> {
  readonly deadline?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One stream on a fake clock, with a scripted client on one side and a scripted model on the other. */
export function openStream({ deadline, headers = {}, ...options }: RigOptions = {}): Rig {
  const clock = new FakeClock();
  const calls = new Map<string, Held>();
  const infer = (call: InferCall): Promise<InferResult> =>
    new Promise((resolve, reject) => {
      calls.set(call.id, {
        call,
        answer: (bytes = 4) => resolve(resultOf(call, bytes)),
        fail: reject,
      });
    });
  const { handler } = modelStreamInfer({ clock, infer, ...options });
  const messages = new Messages();
  const sent: ModelStreamInferResponse[] = [];
  const takers: (() => void)[] = [];
  let ended: 'OK' | GatewayError | undefined;
  const rig: Rig = {
    clock,
    calls,
    sent,
    answers: () =>
      sent.map(({ errorMessage, inferResponse }) =>
        [inferResponse?.id, errorMessage].filter(Boolean).join('!'),
      ),
    cancellation: new Cancellation(),
    closing: new Cancellation(),
    ended: () => ended,
    asked: () => messages.asked,
    write: (request) =>
      messages.push(
        request instanceof Uint8Array
          ? request
          : toBinary(
              ModelInferRequestSchema,
              create(ModelInferRequestSchema, { modelName: 'm', ...request }),
            ),
      ),
    halfClose: () => messages.end(),
    slow: false,
    read: () => {
      for (const take of takers.splice(0, 1)) take();
    },
  };
  rig.closing.listen(() => messages.end());
  const stream = {
    messages,
    closing: rig.closing,
    send: (bytes: Uint8Array): Promise<void> => {
      sent.push(fromBinary(ModelStreamInferResponseSchema, bytes));
      return rig.slow ? new Promise((resolve) => takers.push(resolve)) : Promise.resolve();
    },
  };
  const context = {
    deadline: deadline ?? Number.POSITIVE_INFINITY,
    cancellation: rig.cancellation,
    headers: { get: (name: string) => headers[name] },
  } as Partial<RpcContext> as RpcContext;
  (handler as StreamHandler)(stream, context).then(
    () => {
      ended = 'OK';
    },
    (error: GatewayError) => {
      ended = error;
    },
  );
  return rig;
}

function resultOf(call: InferCall, bytes: number): InferResult {
  return {
    model: call.model,
    version: 7,
    id: call.id,
    outputs: [{ name: 'y', datatype: 'UINT8', shape: [bytes], data: new Uint8Array(bytes) }],
    timing: { queueMs: 0, computeMs: 0, batchRows: 1 },
  };
}

/** The messages of a client, handed out one at a time when asked for. */
class Messages implements AsyncIterableIterator<Uint8Array> {
  asked = 0;
  readonly #waiting: Uint8Array[] = [];
  #ended = false;
  #wake: () => void = () => {};

  push(message: Uint8Array): void {
    this.#waiting.push(message);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    this.asked++;
    for (;;) {
      const value = this.#waiting.shift();
      if (value !== undefined) return { value, done: false };
      if (this.#ended) return { value: undefined, done: true };
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
