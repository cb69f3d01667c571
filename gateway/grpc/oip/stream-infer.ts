import { callerOf } from '../../core/caller.js';
import type { Clock } from '../../core/clock.js';
import { DeadlineWheel } from '../../core/deadline.js';
import type { Infer } from '../../core/infer-call.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { pathOf } from '../messages.js';
import { InferStream, type InferStreamHost } from './infer-stream.js';

export interface StreamInferOptions {
  readonly infer: Infer;
  readonly clock: Clock;
  /** The metadata that names the caller. @default callers are not told apart */
  readonly callerKey?: string | undefined;
  /** Longest time that one request may take, whatever the stream's own deadline. @default 30000 */
  readonly maxDeadlineMs?: number;
  /** Most requests of one stream that are taken and not answered. @default 64 */
  readonly maxStreamInFlight?: number;
  /** Largest answer, in bytes. @default 67108864 */
  readonly maxMessageBytes?: number;
}

/** ModelStreamInfer. */
export function modelStreamInfer(options: StreamInferOptions): RpcMethod {
  const { infer, clock, callerKey, maxDeadlineMs = 30_000, maxStreamInFlight = 64 } = options;
  const host: InferStreamHost = {
    infer,
    clock,
    wheel: new DeadlineWheel(clock),
    maxDeadlineMs,
    maxInFlight: maxStreamInFlight,
    maxMessageBytes: options.maxMessageBytes ?? 64 * 1024 * 1024,
  };
  return {
    kind: 'bidi-stream',
    path: pathOf(GRPCInferenceService.method.modelStreamInfer),
    handler: async (stream, context) => {
      const caller = callerKey === undefined ? '' : callerOf(context.headers, callerKey);
      await new InferStream(host, stream, context, caller).run();
    },
  };
}
