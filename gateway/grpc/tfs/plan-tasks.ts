import { GatewayError, type StatusCode } from '../../core/error.js';
import type { Manifest } from '../../core/manifest.js';
import { bare, DEFAULT_SIGNATURE, type ModelSpec } from '../../core/tfs/model-spec.js';
import { kindOfMethod, type Task, taskOf, taskSignature, wantedTask } from '../../core/tfs/tasks.js';
import type { WireTask } from './input-codec.js';

/**
 * The tasks of a MultiInference, checked in the order and the words of TensorFlow Serving's multi_inference.cc. One thing is checked
 * that is not there: they run as one, so that another version in a later task would be answered by the first one's.
 */
export function planTasks(tasks: readonly WireTask[], manifest: Manifest): [Task, ...Task[]] {
  const first = tasks[0]?.spec;
  const seen = new Set<string>();
  const planned: Task[] = [];
  for (const { spec, method } of tasks) {
    if (spec === undefined || spec.name === '') throw refused('Found ModelSpec with an empty model name.');
    if (spec.name !== first?.name)
      throw refused('All ModelSpecs in a MultiInferenceRequest must access the same model name.');
    if (!sameVersion(spec, first))
      throw refused('All ModelSpecs in a MultiInferenceRequest must access the same model version.');
    const name = spec.signature === '' ? DEFAULT_SIGNATURE : spec.signature;
    if (seen.has(name)) throw refused(`Duplicate evaluation of signature: ${bare(name)}`);
    seen.add(name);
    planned.push(planTask(name, method, manifest));
  }
  return planned as [Task, ...Task[]];
}

function planTask(name: string, method: string, manifest: Manifest): Task {
  const known = (['classify', 'regress'] as const)
    .filter((kind) => typeof taskOf(kind, manifest) !== 'string')
    .map(taskSignature);
  if (name !== DEFAULT_SIGNATURE && !known.includes(name))
    throw refused(`Requested signature not found in model graph: ${bare(name)}`);
  const kind = kindOfMethod(method);
  if (kind === undefined)
    throw refused(`Unsupported signature method_name: ${bare(method)}`, 'UNIMPLEMENTED');
  return wantedTask(kind, name, manifest);
}

/** One that names none goes with the others. */
function sameVersion(spec: ModelSpec, first: ModelSpec): boolean {
  const none = spec.version === undefined && spec.label === '';
  return none || (spec.version === first.version && spec.label === first.label);
}

function refused(message: string, code: StatusCode = 'INVALID_ARGUMENT'): GatewayError {
  return new GatewayError(code, message, { reason: 'bad_request', field: 'tasks' });
}
