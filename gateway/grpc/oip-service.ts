import type { DescMethod } from '@bufbuild/protobuf';
import type { ModelCatalog } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { Infer } from '../core/infer-call.js';
import type { RpcMethod } from '../core/transport.js';
import { GRPCInferenceService } from '../gen/inference/grpc_service_pb.js';
import { pathOf } from './messages.js';
import { modelInfer } from './oip/infer.js';
import { modelMethods } from './oip/model.js';
import { repositoryMethods } from './oip/repository.js';
import { type ServerMethodsOptions, serverMethods } from './oip/server.js';

export interface OipServiceOptions extends ServerMethodsOptions {
  readonly infer: Infer;
  readonly catalog: ModelCatalog;
  readonly clock: Clock;
}

/**
 * The methods of `inference.GRPCInferenceService`, each group in a file of its own under oip/. Those not served yet answer
 * UNIMPLEMENTED and say so.
 */
export function oipMethods(options: OipServiceOptions): RpcMethod[] {
  const { infer, catalog } = options;
  const served = new Map(
    [
      ...serverMethods(options),
      ...modelMethods(catalog),
      ...repositoryMethods(catalog),
      modelInfer(infer),
    ].map((method) => [method.path, method]),
  );
  return GRPCInferenceService.methods.map((method) => served.get(pathOf(method)) ?? unimplemented(method));
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
