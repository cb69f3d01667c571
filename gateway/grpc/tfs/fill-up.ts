import { DATATYPE_BYTES, type Datatype } from '../../core/datatype.js';

/** What tensors may take in memory beyond their message: shared by all of a request. */
export interface FillBudget {
  /** Bytes left. */
  left: number;
}

/**
 * What was given, and its last element again `missing` times; zeros or empty texts where nothing was given: TensorFlow leaves out
 * what repeats. `last` is the last element of a BYTES tensor, its length in front. Takes its size from the budget; undefined where
 * that is too small.
 */
export function fillUp(
  given: Uint8Array,
  datatype: Datatype,
  missing: number,
  last: Uint8Array | undefined,
  budget: FillBudget,
): Uint8Array | undefined {
  const width = DATATYPE_BYTES[datatype];
  const empty = given.length === 0;
  const element = empty
    ? new Uint8Array(width === 0 ? 4 : width)
    : (last ?? given.subarray(given.length - width));
  const more = missing * element.length;
  if (more > budget.left) return undefined;
  budget.left -= more;
  const filled = Buffer.alloc(given.length + more);
  filled.set(given);
  if (!empty) filled.fill(element, given.length);
  return filled;
}
