import type { GatewayError } from '../core/error.js';
import type { VersionPolicy } from '../core/model-configuration.js';
import { type ListedModel, listError, type ModelList } from '../core/tfs/model-list.js';
import { bare } from '../core/tfs/model-spec.js';
import type { Found, FoundModel } from './found.js';
import { isModelName, MODEL_NAME_RULE } from './names.js';
import { applyPolicy, DEFAULT_VERSION_POLICY } from './version-policy.js';

/** By model, the versions that a list asks for, those of its labels among them. */
export type PlannedVersions = ReadonlyMap<string, ReadonlySet<number>>;

/**
 * The versions that a list asks for, of what was found where it points to. `policyOf`: what the operator says of a model, which comes
 * before the list. Throws where something is not there, in the words of TensorFlow Serving's file_system_storage_path_source.cc and
 * server_core.cc; there a version that is missing is only logged. Pure.
 */
export function planReload(
  list: ModelList,
  found: Found,
  policyOf: (model: string) => VersionPolicy | undefined,
): PlannedVersions {
  return new Map(list.models.map((listed) => [listed.name, planModel(listed, found, policyOf(listed.name))]));
}

function planModel(listed: ListedModel, found: Found, policy: VersionPolicy | undefined): Set<number> {
  const { name, basePath, labels } = listed;
  if (!isModelName(name))
    throw listError(
      'INVALID_ARGUMENT',
      `'${bare(name)}' is not a legal name for a model: wanted ${MODEL_NAME_RULE}`,
      'name',
    );
  const model = found.models.find((each) => each.name === name);
  if (model === undefined) throw notThere(listed, found);
  const there = model.versions.map(({ version }) => version);
  const { aspired, missing } = applyPolicy(
    there,
    policy ?? model.configuration?.versionPolicy ?? DEFAULT_VERSION_POLICY,
  );
  if (missing.length > 0)
    throw listError(
      'NOT_FOUND',
      `Version ${missing[0]} of servable ${bare(name)}, which was requested to be served as a 'specific' version in the servable's version policy, was not found at: ${bare(basePath)}`,
      'model_version_policy',
    );
  for (const version of labels.values())
    if (!there.includes(version))
      throw listError(
        'FAILED_PRECONDITION',
        `Request to assign label to version ${version} of model ${bare(name)}, which is not currently available for inference`,
        'version_labels',
      );
  return new Set([...aspired, ...labels.values()]);
}

function notThere({ name, basePath }: ListedModel, { problems }: Found): GatewayError {
  const why = problems.find((problem) => problem.model === name)?.reason ?? 'it is not there';
  if (why.startsWith('its directory cannot be read'))
    return listError(
      'INVALID_ARGUMENT',
      `Could not find base path ${bare(basePath)} for servable ${bare(name)} with error ${why}`,
      'base_path',
    );
  const message = `Unable to find a numerical version path for servable ${bare(name)} at: ${bare(basePath)} (${why})`;
  return listError('NOT_FOUND', message, 'base_path');
}

/**
 * What is to be aspired while a list's versions are loaded and nothing is given up yet: the models that are served by their own policy,
 * with what was found of them now, and the new ones beside them.
 */
export function besides(served: Found, found: Found): Found {
  const models = new Map(served.models.map((model) => [model.name, model]));
  for (const model of found.models) {
    const former = models.get(model.name);
    models.set(model.name, former === undefined ? model : joined(former, model));
  }
  const problems = [...served.problems, ...found.problems.filter(({ model }) => !models.has(model))];
  return { ...served, models: [...models.values()], problems };
}

/** One of the same directory keeps its policy until the list is in force; one that moves takes its place. */
function joined(former: FoundModel, model: FoundModel): FoundModel {
  if (former.directory !== model.directory) return model;
  const { configuration: _new, ...rest } = model;
  return former.configuration === undefined ? rest : { ...rest, configuration: former.configuration };
}
