import type { InferCall } from '../../core/infer-call.js';
import type { Manifest } from '../../core/manifest.js';
import type { Tensor } from '../../core/tensor.js';
import { checkPredict } from '../../core/tfs/check-predict.js';
import { givenSpec, inServingWords, type ModelSpec } from '../../core/tfs/model-spec.js';
import type { RpcContext, RpcMethod } from '../../core/transport.js';
import { PredictionService } from '../../gen/tensorflow_serving/apis/prediction_service_pb.js';
import { pathOf } from '../messages.js';
import { DEFAULT_MAX_BYTES, type InferringOptions, inferCall, resolveSpec } from './infer-call.js';
import { decodePredictRequest, type PredictRequest } from './predict-codec.js';
import { PredictResponse } from './predict-response.js';
import type { TensorEncoding } from './tensor-values.js';

export interface PredictOptions extends InferringOptions {
  /** How tensors are answered. @default 'typed', as TensorFlow Serving does */
  readonly answerTensors?: TensorEncoding | undefined;
}

/** Predict: the hot path of TensorFlow Serving's protocol, through the same layers as ModelInfer. */
export function predict(options: PredictOptions): RpcMethod {
  const { infer, answerTensors = 'typed' } = options;
  return {
    kind: 'unary',
    path: pathOf(PredictionService.method.predict),
    sheddable: true,
    handler: async (body, context) => {
      const request = decodePredictRequest(body);
      const spec = givenSpec(request.spec);
      try {
        const call = toInferCall(spec, request, body.length, context, options);
        return new PredictResponse(await infer(call), answerTensors, body);
      } catch (thrown) {
        throw inServingWords(thrown, spec);
      }
    },
  };
}

function toInferCall(
  spec: ModelSpec,
  request: PredictRequest,
  messageBytes: number,
  context: RpcContext,
  { catalog, callerKey, maxMessageBytes = DEFAULT_MAX_BYTES }: PredictOptions,
): InferCall {
  const version = resolveSpec(spec, context);
  const manifest = catalog.describe(spec.name, version);
  const budget = { left: maxMessageBytes };
  const inputs = toInputs(spec, request, manifest, budget);
  const bytes = messageBytes + maxMessageBytes - budget.left;
  // TensorFlow Serving runs as many rows as a client sends.
  return inferCall(spec.name, version, inputs, request.outputs, bytes, callerKey, context, true);
}

/** The tensors, in the signature's order, when it is known that they are those it wants. */
function toInputs(
  spec: ModelSpec,
  { inputs, outputs }: PredictRequest,
  { signature }: Manifest,
  budget: { left: number },
): Tensor[] {
  checkPredict(spec.signature, signature, inputs, outputs);
  const tensors: Tensor[] = [];
  for (const { name } of signature.inputs) {
    const tensor = inputs.get(name);
    if (tensor !== undefined) tensors.push(tensor.finish(name, signature, budget));
  }
  return tensors;
}
