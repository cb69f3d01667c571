import type { ModelCatalog } from '../../core/catalog.js';
import type { Infer, InferCall } from '../../core/infer-call.js';
import type { Manifest } from '../../core/manifest.js';
import type { Tensor } from '../../core/tensor.js';
import { checkPredict } from '../../core/tfs/check-predict.js';
import { givenSpec, inServingWords, type ModelSpec, versionWanted } from '../../core/tfs/model-spec.js';
import type { RpcContext, RpcMethod } from '../../core/transport.js';
import { PredictionService } from '../../gen/tensorflow_serving/apis/prediction_service_pb.js';
import { pathOf } from '../messages.js';
import { callerOf } from '../oip/caller.js';
import { wantedVersion } from '../oip/wanted-version.js';
import { decodePredictRequest, type PredictRequest } from './predict-codec.js';
import { PredictResponse } from './predict-response.js';
import type { TensorEncoding } from './tensor-values.js';

export interface PredictOptions {
  readonly infer: Infer;
  readonly catalog: Pick<ModelCatalog, 'describe'>;
  /** The metadata that names the caller. @default callers are not told apart */
  readonly callerKey?: string | undefined;
  /** How tensors are answered. @default 'typed', as TensorFlow Serving does */
  readonly answerTensors?: TensorEncoding | undefined;
  /** Bytes that the tensors of a request may take beyond its message, where a value stands for a whole shape. @default 64 MiB */
  readonly maxMessageBytes?: number | undefined;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

const NO_PARAMETERS: InferCall['parameters'] = new Map();

/** Predict: the hot path of TensorFlow Serving's protocol, through the same layers as ModelInfer. */
export function predict(options: PredictOptions): RpcMethod {
  const { infer, catalog, callerKey, answerTensors = 'typed', maxMessageBytes = DEFAULT_MAX_BYTES } = options;
  return {
    kind: 'unary',
    path: pathOf(PredictionService.method.predict),
    sheddable: true,
    handler: async (body, context) => {
      const request = decodePredictRequest(body);
      const caller = callerKey === undefined ? '' : callerOf(context.headers, callerKey);
      const spec = givenSpec(request.spec);
      try {
        const call = toInferCall(spec, request, body.length, caller, context, catalog, maxMessageBytes);
        return new PredictResponse(await infer(call), answerTensors, body);
      } catch (thrown) {
        throw inServingWords(thrown, spec);
      }
    },
  };
}

/** What the catalog is asked for on behalf of a call, whose metadata may name a label, too; notes it in the call's trace. */
function resolveSpec(spec: ModelSpec, { headers, trace }: RpcContext): string {
  if (trace !== undefined) trace.model = spec.name;
  return wantedVersion(versionWanted(spec), headers);
}

function toInferCall(
  spec: ModelSpec,
  request: PredictRequest,
  messageBytes: number,
  caller: string,
  context: RpcContext,
  catalog: PredictOptions['catalog'],
  maxMessageBytes: number,
): InferCall {
  const version = resolveSpec(spec, context);
  const manifest = catalog.describe(spec.name, version);
  const budget = { left: maxMessageBytes };
  const inputs = toInputs(spec, request, manifest, budget);
  return {
    model: spec.name,
    version,
    id: '',
    inputs,
    outputs: request.outputs,
    parameters: NO_PARAMETERS,
    classifications: undefined,
    messageBytes: messageBytes + maxMessageBytes - budget.left,
    caller,
    deadline: context.deadline,
    cancellation: context.cancellation,
    arrivedAt: context.arrivedAt,
    trace: context.trace,
  };
}

/** The tensors, in the signature's order, when it is known that they are those it wants. */
function toInputs(
  spec: ModelSpec,
  { inputs, outputs }: PredictRequest,
  { signature }: Manifest,
  budget: { left: number },
): Tensor[] {
  const given: { name: string; datatype: Tensor['datatype'] | undefined }[] = [];
  for (const [name, tensor] of inputs) given.push({ name, datatype: tensor.datatype });
  checkPredict(spec.signature, signature, given, outputs);
  const tensors: Tensor[] = [];
  for (const { name } of signature.inputs) {
    const tensor = inputs.get(name);
    if (tensor !== undefined) tensors.push(tensor.finish(name, signature, budget));
  }
  return tensors;
}
