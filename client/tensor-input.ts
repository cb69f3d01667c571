import type { Scalar, TypedArray } from './datatype.js';

/** Values of a tensor as nested lists; the shape follows from the nesting. A row may be a typed array. */
export type NestedInput = Scalar | TypedArray | readonly NestedInput[];

/** Values of a tensor in row-major order, with their shape. A typed array that fits the datatype is not copied. */
export interface ShapedInput {
  readonly shape: readonly number[];
  readonly data: TypedArray | readonly Scalar[];
  /** An Open Inference Protocol datatype. When every input has one, the server's metadata is not asked for. */
  readonly datatype?: string | undefined;
}

/** What `predict` takes for one input: `[[5.1, 3.5]]`, `7`, `'text'`, or `{shape, data}`. */
export type TensorInput = NestedInput | ShapedInput;

/** Tells values with their shape from nested lists. */
export function isShaped(input: TensorInput): input is ShapedInput {
  return (
    typeof input === 'object' &&
    input !== null &&
    !Array.isArray(input) &&
    !ArrayBuffer.isView(input) &&
    'shape' in input &&
    'data' in input
  );
}

/** The byte type that BYTES tensors have for an element is a list of values for every other datatype. */
export function isList(value: unknown, datatype: string): value is ArrayLike<unknown> {
  if (Array.isArray(value)) return true;
  if (!ArrayBuffer.isView(value) || value instanceof DataView) return false;
  return !(datatype === 'BYTES' && value instanceof Uint8Array);
}
