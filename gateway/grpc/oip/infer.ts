import type { Infer } from '../../core/infer-call.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { InferResponse } from '../infer-response.js';
import { pathOf } from '../messages.js';
import { decodeInferRequest } from '../oip-codec.js';
import { toInferCall } from './infer-call.js';

/** ModelInfer: the hot path. */
export function modelInfer(infer: Infer): RpcMethod {
  return {
    kind: 'unary',
    path: pathOf(GRPCInferenceService.method.modelInfer),
    handler: async (body, { deadline, cancellation, arrivedAt }) => {
      const call = toInferCall(decodeInferRequest(body), body.length, arrivedAt, deadline, cancellation);
      return new InferResponse(await infer(call), body);
    },
  };
}
