import type { DescMethod } from '@bufbuild/protobuf';
import type { ModelCatalog, VersionState } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { Infer, InferCall } from '../core/infer-call.js';
import type { Signature, TensorSpec } from '../core/model.js';
import type { RpcMethod, UnaryHandler } from '../core/transport.js';
import { GRPCInferenceService } from '../gen/inference/grpc_service_pb.js';
import { InferResponse } from './infer-response.js';
import { pathOf, unaryMethod } from './messages.js';
import { decodeInferRequest } from './oip-codec.js';

export interface OipServiceOptions {
  readonly infer: Infer;
  readonly catalog: ModelCatalog;
  readonly live: () => boolean;
  readonly serverReady: () => boolean;
  readonly clock: Clock;
  /** ServerMetadata's name. @default 'sluice' */
  readonly serverId?: string;
  /** ServerMetadata's version: the package's. */
  readonly version: string;
}

/** Protocol extensions that are implemented; none of Triton's is yet as a whole. */
const EXTENSIONS: readonly string[] = [];

/** Our states in Triton's words. */
const INDEX_STATE: Readonly<Record<VersionState, string>> = {
  discovered: 'UNAVAILABLE',
  loading: 'LOADING',
  warming: 'LOADING',
  available: 'READY',
  draining: 'UNLOADING',
  unloaded: 'UNAVAILABLE',
  failed: 'UNAVAILABLE',
};

const RPC = GRPCInferenceService.method;

/** The methods of `inference.GRPCInferenceService`. Those not served yet answer UNIMPLEMENTED and say so. */
export function oipMethods(options: OipServiceOptions): RpcMethod[] {
  const served = new Map(
    [
      ...serverMethods(options),
      modelReady(options.catalog),
      modelMetadata(options.catalog),
      repositoryIndex(options.catalog),
      { kind: 'unary', path: pathOf(RPC.modelInfer), handler: modelInfer(options) } as const,
    ].map((method) => [method.path, method]),
  );
  return GRPCInferenceService.methods.map((method) => served.get(pathOf(method)) ?? unimplemented(method));
}

function serverMethods(options: OipServiceOptions): RpcMethod[] {
  const { serverId = 'sluice', version } = options;
  return [
    unaryMethod(RPC.serverLive, () => ({ live: options.live() })),
    unaryMethod(RPC.serverReady, () => ({ ready: options.serverReady() })),
    unaryMethod(RPC.serverMetadata, () => ({ name: serverId, version, extensions: [...EXTENSIONS] })),
  ];
}

/** An unknown model is not ready, and no error: clients poll this while a model loads. */
function modelReady(catalog: ModelCatalog): RpcMethod {
  return unaryMethod(RPC.modelReady, ({ name, version }) => ({ ready: catalog.ready(name, version) }));
}

function modelMetadata(catalog: ModelCatalog): RpcMethod {
  return unaryMethod(RPC.modelMetadata, ({ name, version }) => {
    const { signature } = catalog.describe(name, version);
    return {
      name,
      versions: catalog.available(name).map(String),
      platform: 'onnxruntime_onnx',
      inputs: signature.inputs.map((spec) => tensorMetadata(spec, signature)),
      outputs: signature.outputs.map((spec) => tensorMetadata(spec, signature)),
    };
  });
}

function tensorMetadata(spec: TensorSpec, { batchable }: Signature) {
  const shape = batchable ? [-1, ...spec.shape.slice(1)] : spec.shape;
  return { name: spec.name, datatype: spec.datatype, shape: shape.map(BigInt) };
}

function repositoryIndex(catalog: ModelCatalog): RpcMethod {
  return unaryMethod(RPC.repositoryIndex, ({ repositoryName, ready }) => {
    if (repositoryName !== '') {
      const message = "'repository_name' specification is not supported: leave it empty to list all models";
      throw new GatewayError('UNIMPLEMENTED', message, { reason: 'bad_request', field: 'repository_name' });
    }
    const models = catalog.list().map(({ model, version, state, reason }) => ({
      name: model,
      version: version === 0 ? '' : String(version),
      state: INDEX_STATE[state],
      reason,
    }));
    return { models: ready ? models.filter(({ state }) => state === 'READY') : models };
  });
}

function modelInfer({ infer }: OipServiceOptions): UnaryHandler {
  return async (body, { deadline, cancellation, arrivedAt }) => {
    const { model, version, id, inputs, outputs, parameters } = decodeInferRequest(body);
    const messageBytes = body.length;
    // Field by field: an object that is spread has no fixed shape, and every look at it costs (4 us a call, measured).
    const call: InferCall = {
      model,
      version,
      id,
      inputs,
      outputs,
      parameters,
      messageBytes,
      deadline,
      cancellation,
      arrivedAt,
    };
    return new InferResponse(await infer(call), body);
  };
}

function unimplemented(method: DescMethod): RpcMethod {
  const path = pathOf(method);
  const refuse = async (): Promise<never> => {
    throw new GatewayError('UNIMPLEMENTED', `${method.name} is not supported by this server`);
  };
  return method.methodKind === 'unary'
    ? { kind: 'unary', path, handler: refuse }
    : { kind: 'bidi-stream', path, handler: refuse };
}
