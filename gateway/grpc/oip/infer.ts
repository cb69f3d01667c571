import { callerOf } from '../../core/caller.js';
import type { Infer } from '../../core/infer-call.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { InferResponse } from '../infer-response.js';
import { pathOf } from '../messages.js';
import { decodeInferRequest } from '../oip-codec.js';
import { toInferCall } from './infer-call.js';

/** ModelInfer: the hot path. `callerKey`: the metadata that names the caller, undefined where callers are not told apart. */
export function modelInfer(infer: Infer, callerKey?: string): RpcMethod {
  return {
    kind: 'unary',
    path: pathOf(GRPCInferenceService.method.modelInfer),
    sheddable: true,
    handler: async (body, context) => {
      const { deadline, cancellation, arrivedAt } = context;
      const caller = callerKey === undefined ? '' : callerOf(context.headers, callerKey);
      const request = decodeInferRequest(body);
      const call = toInferCall(
        request,
        body.length,
        caller,
        arrivedAt,
        deadline,
        cancellation,
        context.headers,
        context.trace,
        context.peer,
      );
      return new InferResponse(await infer(call), body);
    },
  };
}
