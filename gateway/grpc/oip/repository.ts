import type { ModelCatalog, VersionState } from '../../core/catalog.js';
import { GatewayError } from '../../core/error.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { unaryMethod } from '../messages.js';

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

/**
 * What is asked of the model repository: RepositoryIndex; and RepositoryModelLoad and -Unload, which answer as Triton does with
 * `--model-control-mode=none`: what is loaded was decided at start.
 */
export function repositoryMethods(catalog: Pick<ModelCatalog, 'list' | 'ready'>): RpcMethod[] {
  const rpc = GRPCInferenceService.method;
  return [
    unaryMethod(rpc.repositoryIndex, ({ repositoryName, ready }) => {
      refuseRepositoryName(repositoryName);
      const models = catalog.list().map(({ model, version, state, reason }) => {
        const stranded = state === 'available' && !catalog.ready(model, String(version));
        return {
          name: model,
          version: version === 0 ? '' : String(version),
          state: stranded ? 'UNAVAILABLE' : INDEX_STATE[state],
          reason: stranded ? 'no worker can run it now' : reason,
        };
      });
      return { models: ready ? models.filter(({ state }) => state === 'READY') : models };
    }),
    unaryMethod(rpc.repositoryModelLoad, ({ repositoryName }) => refuseControl(repositoryName)),
    unaryMethod(rpc.repositoryModelUnload, ({ repositoryName }) => refuseControl(repositoryName)),
  ];
}

function refuseControl(repositoryName: string): never {
  refuseRepositoryName(repositoryName);
  // In Triton's words, which say polling in either mode without explicit control.
  const message =
    'explicit model load / unload is not allowed if polling is enabled (--model-control-mode=none: this server loads the models found at start, and calls change nothing)';
  throw new GatewayError('UNAVAILABLE', message, { reason: 'bad_request' });
}

function refuseRepositoryName(name: string): void {
  if (name === '') return;
  const message = "'repository_name' specification is not supported: leave it empty";
  throw new GatewayError('UNIMPLEMENTED', message, { reason: 'bad_request', field: 'repository_name' });
}
