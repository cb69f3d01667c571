import type { ModelCatalog } from '../../core/catalog.js';
import type { Signature, TensorSpec } from '../../core/model.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { unaryMethod } from '../messages.js';

/** What is asked of one model: ModelReady, ModelMetadata. */
export function modelMethods(catalog: Pick<ModelCatalog, 'ready' | 'describe' | 'available'>): RpcMethod[] {
  const rpc = GRPCInferenceService.method;
  return [
    // An unknown model is not ready, and no error: clients poll this while a model loads.
    unaryMethod(rpc.modelReady, ({ name, version }) => ({ ready: catalog.ready(name, version) })),
    unaryMethod(rpc.modelMetadata, ({ name, version }) => {
      const { signature } = catalog.describe(name, version);
      return {
        name,
        versions: catalog.available(name).map(String),
        platform: 'onnxruntime_onnx',
        inputs: signature.inputs.map((spec) => tensorMetadata(spec, signature)),
        outputs: signature.outputs.map((spec) => tensorMetadata(spec, signature)),
      };
    }),
  ];
}

function tensorMetadata(spec: TensorSpec, { batchable }: Signature) {
  const shape = batchable ? [-1, ...spec.shape.slice(1)] : spec.shape;
  return { name: spec.name, datatype: spec.datatype, shape: shape.map(BigInt) };
}
