import { quote } from '../core/error.js';
import type { InferCall } from '../core/infer-call.js';
import type { Manifest } from '../core/manifest.js';
import type { TensorSpec } from '../core/model.js';
import type { Tensor } from '../core/tensor.js';
import { refusal, showShape } from './refuse.js';

/**
 * Checks the shape of input number `index` against its spec, which says the whole shape, the batch dimension
 * included. Returns the number of elements, a safe integer; throws INVALID_ARGUMENT.
 *
 * Trusts nothing: a codec may hand on what the client wrote, so a dimension may be negative, too large for a number,
 * or no number at all, and there may be a million of them (refused by rank, without looking at each).
 */
export function checkShape(
  call: InferCall,
  manifest: Manifest,
  index: number,
  input: Tensor,
  spec: TensorSpec,
): number {
  const count = plainCount(input.shape, spec.shape);
  return count > 0 ? count : checkOddShape(call, manifest, index, input, spec);
}

/** Elements of a shape that fits without further ado, which is nearly every one; 0 of any that is to be looked at closely. */
function plainCount(shape: readonly number[], wanted: readonly number[]): number {
  if (shape.length !== wanted.length) return 0;
  let count = 1;
  for (let at = 0; at < shape.length; at++) {
    const dim = shape[at] as number;
    if (!Number.isInteger(dim) || dim <= 0 || (wanted[at] !== -1 && dim !== wanted[at])) return 0;
    count *= dim;
  }
  return count <= Number.MAX_SAFE_INTEGER ? count : 0;
}

function checkOddShape(
  call: InferCall,
  { model, signature }: Manifest,
  index: number,
  input: Tensor,
  spec: TensorSpec,
): number {
  const shape: readonly unknown[] = input.shape;
  const field = `inputs[${index}].shape`;
  const name = quote(spec.name);
  if (shape.length === 0 && signature.batchable && spec.shape.length > 0) {
    const message = `input ${name} has no shape but model requires batch dimension for '${model}'`;
    throw refusal(call, field, message);
  }
  const unexpected = (why: string) => {
    const expected = `Expected ${showShape(spec.shape)}, got ${showShape(shape)}`;
    const note = signature.batchable ? ' The first dimension is the batch: one row for each sample.' : '';
    return refusal(
      call,
      field,
      `unexpected shape for input ${name} for model '${model}'. ${expected}.${why}${note}`,
    );
  };
  if (shape.length !== spec.shape.length) throw unexpected('');

  let nonZero = 1;
  let empty = false;
  for (const [at, dim] of shape.entries()) {
    if (dim === -1) {
      const message =
        `All input dimensions should be specified for input ${name} for model '${model}', ` +
        `got ${showShape(shape)}`;
      throw refusal(call, field, message);
    }
    if (typeof dim !== 'number' || !Number.isSafeInteger(dim) || dim < 0)
      throw unexpected(` Dimension ${at} is not an integer from 0 to 2^53 - 1.`);
    const wanted = spec.shape[at] as number;
    if (wanted !== -1 && dim !== wanted) throw unexpected('');
    if (dim === 0) empty = true;
    else nonZero *= dim;
  }
  // Rounded or not, a product beyond 2^53 is beyond it. Zeros don't hide it: the runtime multiplies strides, too.
  if (nonZero > Number.MAX_SAFE_INTEGER) {
    const exact = input.shape.reduce((product, dim) => product * BigInt(dim === 0 ? 1 : dim), 1n);
    throw unexpected(` Its dimensions multiply to ${String(exact).slice(0, 40)}: wanted at most 2^53 - 1.`);
  }
  return empty ? 0 : nonZero;
}
