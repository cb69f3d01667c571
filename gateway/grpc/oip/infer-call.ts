import type { CallTrace } from '../../core/call-trace.js';
import type { Cancellation } from '../../core/cancellation.js';
import type { Deadline } from '../../core/deadline.js';
import type { InferCall } from '../../core/infer-call.js';
import type { RpcHeaders } from '../../core/transport.js';
import { wantedVersion } from '../../core/wanted-version.js';
import type { InferRequest } from '../oip-codec.js';

/**
 * What a request says, and what the transport knows of it, as one call. Field by field: an object that is spread has no fixed
 * shape, and every look at it costs (4 us a call, measured). Throws as `wantedVersion`.
 */
export function toInferCall(
  request: InferRequest,
  messageBytes: number,
  caller: string,
  arrivedAt: number,
  deadline: Deadline,
  cancellation: Cancellation,
  headers: RpcHeaders,
  trace?: CallTrace,
  peer?: string,
): InferCall {
  const { model, id, inputs, outputs, parameters, classifications } = request;
  if (trace !== undefined) {
    trace.model = model;
    trace.requestId = id;
  }
  return {
    model,
    version: wantedVersion(request.version, headers),
    id,
    inputs,
    outputs,
    parameters,
    classifications,
    messageBytes,
    caller,
    peer,
    deadline,
    cancellation,
    arrivedAt,
    trace,
  };
}
