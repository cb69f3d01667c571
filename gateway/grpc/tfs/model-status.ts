import type { ModelCatalog, VersionState, VersionStatus } from '../../core/catalog.js';
import { GatewayError } from '../../core/error.js';
import { bare, type ModelSpec } from '../../core/tfs/model-spec.js';
import type { RpcMethod } from '../../core/transport.js';
import { ModelVersionStatus_State as State } from '../../gen/tensorflow_serving/apis/get_model_status_pb.js';
import { ModelService } from '../../gen/tensorflow_serving/apis/model_service_pb.js';
import { unaryMethod } from '../messages.js';
import { STATUS_NUMBER } from '../status.js';
import { readSpec } from './read-spec.js';

/** Our states in TensorFlow Serving's words. */
const STATE: Readonly<Record<VersionState, State>> = {
  discovered: State.START,
  loading: State.LOADING,
  warming: State.LOADING,
  available: State.AVAILABLE,
  draining: State.UNLOADING,
  unloaded: State.END,
  failed: State.END,
};

/** GetModelStatus: the versions of a model that are wanted or were, or the one that is named; of a label nothing is asked, as there. */
export function modelStatus(catalog: Pick<ModelCatalog, 'list'>): RpcMethod {
  return unaryMethod(ModelService.method.getModelStatus, ({ modelSpec }) => {
    const spec = readSpec(modelSpec);
    const known = catalog.list().filter(({ model }) => model === spec.name);
    const versions = known.filter(
      (status) =>
        isManaged(status) && (spec.version === undefined || spec.version === BigInt(status.version)),
    );
    if (versions.length === 0) throw notFound(spec, known);
    return { modelVersionStatus: versions.map(toMessage) };
  });
}

/** Whether the version, if it is one, is not merely lying there: what a policy leaves out is said to be so. */
function isManaged({ version, state, reason }: VersionStatus): boolean {
  return version > 0 && !(state === 'discovered' && reason !== '');
}

function toMessage({ version, state, reason }: VersionStatus) {
  const failed = state === 'failed';
  const errorCode = failed ? STATUS_NUMBER.FAILED_PRECONDITION : 0;
  return {
    version: BigInt(version),
    state: STATE[state],
    status: { errorCode, errorMessage: failed ? reason : '' },
  };
}

/** In the words of get_model_status_impl.cc; in brackets what is wrong with a model that is there. */
function notFound({ name, version }: ModelSpec, known: readonly VersionStatus[]): GatewayError {
  const what = version === undefined ? 'any versions' : `version ${version}`;
  const same = known.find((status) => BigInt(status.version) === (version ?? 0n));
  const why = same === undefined || same.reason === '' ? '' : ` (${same.reason})`;
  return new GatewayError('NOT_FOUND', `Could not find ${what} of model ${bare(name)}${why}`, {
    reason: 'unknown_model',
    field: version === undefined ? 'model_spec.name' : 'model_spec.version',
  });
}
