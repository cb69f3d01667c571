import { callerOf } from '../../core/caller.js';
import type { ModelCatalog } from '../../core/catalog.js';
import type { Infer, InferCall } from '../../core/infer-call.js';
import type { Tensor } from '../../core/tensor.js';
import { type ModelSpec, versionWanted } from '../../core/tfs/model-spec.js';
import type { RpcContext } from '../../core/transport.js';
import { wantedVersion } from '../../core/wanted-version.js';

/** What every method that infers needs. */
export interface InferringOptions {
  readonly infer: Infer;
  readonly catalog: Pick<ModelCatalog, 'describe'>;
  /** The metadata that names the caller. @default callers are not told apart */
  readonly callerKey?: string | undefined;
  /** Bytes that the tensors of a request may take beyond its message, which may say little of much. @default 64 MiB */
  readonly maxMessageBytes?: number | undefined;
}

/** Of `maxMessageBytes`. */
export const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

const NO_PARAMETERS: InferCall['parameters'] = new Map();

/** What the catalog is asked for on behalf of a call, whose metadata may name a label, too; notes it in the call's trace. */
export function resolveSpec(spec: ModelSpec, { headers, trace }: RpcContext): string {
  if (trace !== undefined) trace.model = spec.name;
  return wantedVersion(versionWanted(spec), headers);
}

/**
 * An inference on behalf of a call; `messageBytes` is what it keeps in memory, `splits` is InferCall's. Field by field, as ModelInfer's: see
 * oip/infer-call.
 */
export function inferCall(
  model: string,
  version: string,
  inputs: readonly Tensor[],
  outputs: readonly string[],
  messageBytes: number,
  callerKey: string | undefined,
  context: RpcContext,
  splits = false,
): InferCall {
  return {
    model,
    version,
    id: '',
    inputs,
    outputs,
    parameters: NO_PARAMETERS,
    classifications: undefined,
    messageBytes,
    splits,
    caller: callerKey === undefined ? '' : callerOf(context.headers, callerKey),
    peer: context.peer,
    deadline: context.deadline,
    cancellation: context.cancellation,
    arrivedAt: context.arrivedAt,
    trace: context.trace,
  };
}
