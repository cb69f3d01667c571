import type { Datatype } from './datatype.js';

/**
 * A tensor as the gateway carries it: row-major, little-endian bytes. A BYTES tensor is its elements one after
 * the other, each a 4-byte little-endian length and then UTF-8; this is what raw contents look like on the wire, so
 * that gather, scatter and both kinds of channel treat all datatypes alike. Strings exist only inside the worker.
 */
export interface Tensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Dimensions, each a non-negative safe integer. A scalar has none. */
  readonly shape: readonly number[];
  /** A view; may be unaligned. Never written to after it was handed on. */
  readonly data: Uint8Array;
}

/** Number of elements of a shape; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let count = 1;
  for (const dim of shape) count *= dim;
  return count;
}
