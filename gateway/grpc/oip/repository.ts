import type { ModelCatalog, VersionState } from '../../core/catalog.js';
import { GatewayError, quote } from '../../core/error.js';
import type { Logger } from '../../core/logger.js';
import type { ModelControl, ModelLoad } from '../../core/model-control.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService, type ModelRepositoryParameter } from '../../gen/inference/grpc_service_pb.js';
import { refuseClosed } from '../closed-here.js';
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

export interface RepositoryMethodsOptions {
  readonly catalog: Pick<ModelCatalog, 'list' | 'ready'>;
  readonly models: ModelControl;
  /** Whether calls may load and unload on this listener. */
  readonly allowed: boolean;
  readonly logger: Pick<Logger, 'info' | 'warn'>;
}

/** What is asked of the model repository: RepositoryIndex, and loads and unloads by call where the server is started for them. */
export function repositoryMethods(options: RepositoryMethodsOptions): RpcMethod[] {
  const rpc = GRPCInferenceService.method;
  return [
    unaryMethod(rpc.repositoryIndex, (request) => indexOf(options.catalog, request)),
    unaryMethod(rpc.repositoryModelLoad, async ({ repositoryName, modelName, parameters }) => {
      refuseRepositoryName(repositoryName);
      mayControl(options, 'RepositoryModelLoad', modelName);
      await options.models.load({ model: modelName, ...readParameters(parameters) });
      return {};
    }),
    unaryMethod(rpc.repositoryModelUnload, async ({ repositoryName, modelName }) => {
      refuseRepositoryName(repositoryName);
      mayControl(options, 'RepositoryModelUnload', modelName);
      // Its one parameter, unload_dependents, is about ensembles: nothing depends on a model here.
      await options.models.unload(modelName);
      return {};
    }),
  ];
}

function indexOf(
  catalog: Pick<ModelCatalog, 'list' | 'ready'>,
  { repositoryName, ready }: { repositoryName: string; ready: boolean },
) {
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
}

/** Where nothing is loaded by call, the refusal says that, on whatever listener: no other would do it. */
function mayControl(
  { models, allowed, logger }: RepositoryMethodsOptions,
  what: string,
  model: string,
): void {
  if (allowed || !models.explicit) return;
  refuseClosed(logger, what, { call: what, model });
}

const FILE = 'file:';

function readParameters(
  parameters: Readonly<Record<string, ModelRepositoryParameter>>,
): Omit<ModelLoad, 'model'> {
  let config: string | undefined;
  const files = new Map<string, Uint8Array>();
  for (const [key, { parameterChoice }] of Object.entries(parameters)) {
    if (key === 'config' && parameterChoice.case === 'stringParam') config = parameterChoice.value;
    else if (key.startsWith(FILE) && parameterChoice.case === 'bytesParam')
      files.set(key.slice(FILE.length), parameterChoice.value);
    else {
      const message = `failed to load: parameter ${quote(key)} with ${parameterChoice.case ?? 'no value'} is not understood: wanted 'config' with string_param, or 'file:<version>/<name>' with bytes_param`;
      throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'parameters' });
    }
  }
  return { config, files };
}

function refuseRepositoryName(name: string): void {
  if (name === '') return;
  const message = "'repository_name' specification is not supported: leave it empty";
  throw new GatewayError('UNIMPLEMENTED', message, { reason: 'bad_request', field: 'repository_name' });
}
