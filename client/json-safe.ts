/**
 * Tensor bytes to plain values that survive JSON.stringify and JSON.parse:
 * - integers and floats are numbers, BOOL is true or false, BYTES are strings;
 * - INT64 and UINT64 beyond 2^53 - 1 are decimal strings, since a number would be another number;
 * - NaN, Infinity and -Infinity are those words as strings, since JSON has no number for them.
 * The encoder takes all of these back. BYTES that are not UTF-8 get U+FFFD in place of what is invalid; the exact bytes,
 * and the sign of -0, are kept by OutputTensor's `elements()` and `typed()`.
 */

import type { ElementCodec } from './datatype.js';

/** One element: a number where it is exact in JSON, else text. */
export type JsonScalar = number | string | boolean;

/** Nested lists, as deep as the shape is long; a single value for a scalar. */
export type JsonTensor = JsonScalar | JsonTensor[];

/** One element as JSON can carry it. */
function jsonScalar(value: number | bigint | boolean): JsonScalar {
  if (typeof value === 'bigint') {
    const narrow = Number(value);
    return Number.isSafeInteger(narrow) ? narrow : value.toString();
  }
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value;
}

/** Nests elements by shape. `next` gives them one after the other, in row-major order. */
function nest(shape: readonly number[], next: () => JsonScalar, depth = 0): JsonTensor {
  if (depth === shape.length) return next();
  const list: JsonTensor[] = [];
  const last = depth === shape.length - 1;
  for (let i = shape[depth] as number; i > 0; i--) list.push(last ? next() : nest(shape, next, depth + 1));
  return list;
}

/** Values of a fixed-size datatype. `data` holds exactly the elements that the shape asks for. */
export function numbersToJson(codec: ElementCodec, shape: readonly number[], data: Uint8Array): JsonTensor {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  return nest(shape, () => {
    const value = codec.read(view, offset);
    offset += codec.size;
    return jsonScalar(value);
  });
}

/** Values of a BYTES tensor. */
export function textsToJson(shape: readonly number[], elements: readonly Uint8Array[]): JsonTensor {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let index = 0;
  return nest(shape, () => decoder.decode(elements[index++]));
}
