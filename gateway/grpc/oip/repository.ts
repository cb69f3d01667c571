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

/** What is asked of the model repository: RepositoryIndex. */
export function repositoryMethods(catalog: Pick<ModelCatalog, 'list'>): RpcMethod[] {
  const rpc = GRPCInferenceService.method;
  return [
    unaryMethod(rpc.repositoryIndex, ({ repositoryName, ready }) => {
      refuseRepositoryName(repositoryName);
      const models = catalog.list().map(({ model, version, state, reason }) => ({
        name: model,
        version: version === 0 ? '' : String(version),
        state: INDEX_STATE[state],
        reason,
      }));
      return { models: ready ? models.filter(({ state }) => state === 'READY') : models };
    }),
  ];
}

function refuseRepositoryName(name: string): void {
  if (name === '') return;
  const message = "'repository_name' specification is not supported: leave it empty to list all models";
  throw new GatewayError('UNIMPLEMENTED', message, { reason: 'bad_request', field: 'repository_name' });
}
