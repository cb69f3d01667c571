import type { Datatype } from '../datatype.js';
import { GatewayError } from '../error.js';
import type { Signature } from '../model.js';
import { tensorflowName } from './datatype-names.js';
import { bare, bareNames, DEFAULT_SIGNATURE, feedName } from './model-spec.js';

/**
 * Checks what TensorFlow Serving checks of a Predict before it runs it, in its order and its words (predict_util.cc, and
 * cc/saved_model/util.cc of TensorFlow): clients search for them. Shapes and bytes are checked by the layers behind, for every
 * protocol. Throws FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for the rest.
 */
export function checkPredict(
  signatureName: string,
  signature: Signature,
  inputs: ReadonlyMap<string, { readonly datatype: Datatype | undefined }>,
  outputs: readonly string[],
): void {
  if (signatureName !== '' && signatureName !== DEFAULT_SIGNATURE) {
    const message = `Serving signature key "${bare(signatureName)}" not found.`;
    throw new GatewayError('FAILED_PRECONDITION', message, {
      reason: 'bad_request',
      field: 'model_spec.signature_name',
    });
  }
  checkNames(signature, inputs);
  let index = 0;
  for (const { name, datatype } of signature.inputs) {
    const given = inputs.get(name)?.datatype;
    if (given !== undefined && given !== datatype)
      throw invalid(
        `Expects arg[${index}] to be ${tensorflowName(datatype)} but ${tensorflowName(given)} is provided (input ${bare(name)})`,
        'inputs',
      );
    index++;
  }
  if (outputs.length > 0) checkFilter(signature, outputs);
}

/** Each input of the signature is there, and no other. */
function checkNames(signature: Signature, inputs: ReadonlyMap<string, unknown>): void {
  const wanted = signature.inputs;
  if (inputs.size === wanted.length && wanted.every(({ name }) => inputs.has(name))) return;
  const given = [...inputs.keys()];
  const names = wanted.map(({ name }) => name);
  const missing = names.filter((name) => !given.includes(name));
  if (given.length !== names.length) {
    const known = new Set(names);
    const extra = given.filter((name) => !known.has(name));
    throw invalid(
      `input size does not match signature: ${given.length}!=${names.length} ` +
        `len({${bareNames(given)}}) != len({${bareNames(names)}}). ` +
        `Sent extra: {${bareNames(extra)}}. Missing but required: {${bareNames(missing)}}.`,
      'inputs',
    );
  }
  const absent = missing.sort()[0];
  if (absent === undefined) return;
  throw invalid(
    `Signature input alias: ${bare(absent)}(feed name: ${feedName(bare(absent))}) not found in request and no default value ` +
      `provided. Inputs expected to be in the request {${bareNames(given)}}, or default input alias set: `,
    'inputs',
  );
}

function checkFilter(signature: Signature, outputs: readonly string[]): void {
  const known = new Set(signature.outputs.map(({ name }) => name));
  const seen = new Set<string>();
  for (const name of outputs) {
    if (!known.has(name))
      throw invalid(
        `output tensor alias not found in signature: ${bare(name)} Outputs expected to be in the set {${bareNames(known)}}.`,
        'output_filter',
      );
    if (seen.has(name)) throw invalid(`duplicate output tensor alias: ${bare(name)}`, 'output_filter');
    seen.add(name);
  }
}

function invalid(message: string, field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
