import { DATATYPE_BYTES } from '../../core/datatype.js';
import { GatewayError, quote } from '../../core/error.js';
import type { Manifest } from '../../core/manifest.js';
import { elementCount } from '../../core/tensor.js';
import type { V2Request } from './infer-request.js';

/**
 * Takes a body without JSON for the one input of a model: a raw binary request of Triton's binary tensor extension, which says so by
 * `Inference-Header-Content-Length: 0`. It is one row of a batched model; a variable dimension is as long as the bytes make it. A text
 * comes without its length. Outputs are answered as bytes. Throws INVALID_ARGUMENT, in the words that Triton has, where that says too little.
 */
export function readRawRequest(body: Buffer, { model, signature }: Manifest): V2Request {
  const [input, ...others] = signature.inputs;
  if (input === undefined || others.length > 0)
    throw bad(
      `Raw request must only have 1 input (found 1) to be deduced but got ${signature.inputs.length} inputs in '${model}' model configuration`,
    );
  const { name, datatype } = input;
  const shape = signature.batchable ? [1, ...input.shape.slice(1)] : [...input.shape];
  const variable = shape.indexOf(-1);
  if (variable !== shape.lastIndexOf(-1))
    throw bad(
      `The shape of the raw input ${quote(name)} can not be deduced because there are more than one variable-sized dimension`,
    );
  const fixed = elementCount(shape.filter((dim) => dim !== -1));
  if (datatype === 'BYTES' && (variable >= 0 || fixed !== 1))
    throw bad(`For BYTE datatype raw input ${quote(name)}, the model must have input shape [1]`);
  const each = fixed * DATATYPE_BYTES[datatype];
  // What does not come out even is refused as any tensor of other bytes than its shape says.
  if (variable >= 0) shape[variable] = each === 0 ? 0 : Math.floor(body.length / each);
  return {
    id: undefined,
    inputs: [{ name, datatype, shape, data: datatype === 'BYTES' ? asElement(body) : body }],
    outputs: [],
    parameters: new Map(),
    classifications: undefined,
    binary: new Map(),
    allBinary: true,
  };
}

/** With its length in front. */
function asElement(text: Buffer): Buffer {
  const element = Buffer.allocUnsafe(4 + text.length);
  element.writeUInt32LE(text.length);
  text.copy(element, 4);
  return element;
}

function bad(message: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'inputs' });
}
