import { DATATYPE_BYTES } from '../core/datatype.js';
import { quote } from '../core/error.js';
import type { InferCall, LeasedInfer } from '../core/infer-call.js';
import type { Manifest } from '../core/manifest.js';
import type { Signature, TensorSpec } from '../core/model.js';
import type { Tensor } from '../core/tensor.js';
import { bytesFault, foreignBool } from './check-bytes.js';
import { checkParameters } from './check-parameters.js';
import { checkShape } from './check-shape.js';
import { refusal, showNames } from './refuse.js';

/** The layer that lets through only calls that their model can take, so that nothing behind it need ask again. */
export function validate(next: LeasedInfer): LeasedInfer {
  // Not async: a promise of its own for every call would hold nothing but the next one's.
  return (call, lease) => {
    try {
      validateCall(call, lease.manifest);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    return next(call, lease);
  };
}

/**
 * Checks a call against the signature of its model version; pure. Throws INVALID_ARGUMENT with the texts of Triton's
 * core (`infer_request.cc`), and the request's field in the details.
 *
 * An empty batch (0 rows) is refused, and a batch over `max_batch_size` too: it is neither cut nor split. A variable
 * dimension other than the batch may be 0.
 */
export function validateCall(call: InferCall, manifest: Manifest): void {
  const specs = matchInputs(call, manifest);
  checkOutputs(call, manifest);
  checkParameters(call);
  const { model, signature } = manifest;
  const counts: number[] = [];
  for (let index = 0; index < call.inputs.length; index++) {
    const input = call.inputs[index] as Tensor;
    const spec = specs[index] as TensorSpec;
    if (input.datatype !== spec.datatype) {
      const message =
        `inference input ${quote(spec.name)} data-type is ${quote(input.datatype)}, ` +
        `but model '${model}' expects '${spec.datatype}'`;
      throw refusal(call, `inputs[${index}].datatype`, message);
    }
    counts.push(checkShape(call, manifest, index, input, spec));
  }
  if (signature.batchable) checkRows(call, manifest);
  for (let index = 0; index < counts.length; index++)
    checkData(call, model, index, specs[index] as TensorSpec, counts[index] as number);
}

/** The specs of the call's inputs, index by index: each input of the model is there once, and nothing else. */
function matchInputs(call: InferCall, { model, signature }: Manifest): readonly TensorSpec[] {
  const { inputs } = call;
  const aligned =
    inputs.length === signature.inputs.length &&
    signature.inputs.every(({ name }, index) => inputs[index]?.name === name);
  if (aligned) return signature.inputs;

  const seen = new Set<string>();
  for (const [index, { name }] of inputs.entries()) {
    if (seen.has(name))
      throw refusal(call, `inputs[${index}].name`, `input ${quote(name)} already exists in request`);
    seen.add(name);
  }
  if (inputs.length !== signature.inputs.length)
    throw refusal(call, 'inputs', wrongCount(seen, model, signature));
  const byName = new Map(signature.inputs.map((spec) => [spec.name, spec]));
  return inputs.map(({ name }, index) => {
    const spec = byName.get(name);
    if (spec !== undefined) return spec;
    const wanted = showNames(signature.inputs.map((input) => input.name));
    const message = `unexpected inference input ${quote(name)} for model '${model}', wanted ${wanted}`;
    throw refusal(call, `inputs[${index}].name`, message);
  });
}

function wrongCount(given: ReadonlySet<string>, model: string, { inputs }: Signature): string {
  const wanted = inputs.map(({ name }) => name);
  const missing = wanted.filter((name) => !given.has(name));
  const known = new Set(wanted);
  const extra = [...given].filter((name) => !known.has(name));
  const advice =
    missing.length > 0
      ? `but missing required inputs ${showNames(missing)}. Please provide all required inputs.`
      : `of which ${showNames(extra)} are not inputs of the model.`;
  return (
    `expected ${wanted.length} inputs but got ${given.size} inputs for model '${model}'. ` +
    `Got inputs ${showNames([...given])}, ${advice}`
  );
}

/** Requested outputs exist, and none is asked for twice: the answer would have two of a name. */
function checkOutputs(call: InferCall, { model, signature }: Manifest): void {
  const { outputs } = call;
  if (outputs.length === 0) return;
  const known = new Set(signature.outputs.map(({ name }) => name));
  const seen = new Set<string>();
  for (const [index, name] of outputs.entries()) {
    const field = `outputs[${index}].name`;
    if (!known.has(name))
      throw refusal(call, field, `unexpected inference output ${quote(name)} for model '${model}'`);
    if (seen.has(name)) throw refusal(call, field, `output ${quote(name)} is requested twice`);
    seen.add(name);
  }
}

/** All inputs have the same number of rows, at least one and at most what the model takes. */
function checkRows(call: InferCall, { model, signature }: Manifest): void {
  const rows = call.inputs[0]?.shape[0] ?? 1;
  for (let index = 0; index < call.inputs.length; index++) {
    const { name, shape } = call.inputs[index] as Tensor;
    if (shape[0] === rows) continue;
    const message = `input ${quote(name)} batch size does not match other inputs for '${model}'`;
    throw refusal(call, `inputs[${index}].shape`, message);
  }
  if (rows < 1)
    throw refusal(call, 'inputs[0].shape', `inference request batch-size must be >= 1 for '${model}'`);
  if (rows > signature.maxBatchSize) {
    const message = `inference request batch-size must be <= ${signature.maxBatchSize} for '${model}'`;
    throw refusal(call, 'inputs[0].shape', message);
  }
}

/** The bytes are what datatype and shape say. */
function checkData(call: InferCall, model: string, index: number, spec: TensorSpec, count: number): void {
  const input = call.inputs[index];
  if (input === undefined) return;
  const { name, datatype, data } = input;
  const field = `inputs[${index}].contents`;
  if (datatype === 'BYTES') {
    const fault = bytesFault(data, count, name, model, spec.opaque);
    if (fault !== undefined) throw refusal(call, field, fault);
    return;
  }
  // Exact for what can match: a product beyond 2^53 is larger than any message.
  const elementBytes = DATATYPE_BYTES[datatype];
  if (count * elementBytes === data.length) {
    const at = datatype === 'BOOL' ? foreignBool(data) : -1;
    if (at < 0) return;
    const message =
      `element ${at} for inference input ${quote(name)} for model '${model}' is the byte ${data[at]}, ` +
      'which is no BOOL: wanted 0 or 1';
    throw refusal(call, field, message);
  }
  const expected = BigInt(count) * BigInt(elementBytes);
  const message =
    `input byte size mismatch for input ${quote(name)} for model '${model}'. ` +
    `Expected ${expected}, got ${data.length}`;
  throw refusal(call, field, message);
}
