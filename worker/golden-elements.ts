import { float16Value, nearestFloat16Bits } from '../gateway/core/half.js';
import { decodeStrings, encodeStrings } from './bytes-tensor.js';
import type { WireTensor } from './protocol.js';

/** Elements of golden answers: what JSON has for each datatype, and tensors' bytes made of and into them. */

/** An element as it is compared: INT64 and UINT64 are bigints, other numbers are numbers. */
export type Element = number | bigint | string | boolean;

/** What an element may not be, in words. */
export interface Unfit {
  readonly wanted: string;
}

const FLOAT_LIMITS: Readonly<Record<string, number>> = {
  FP16: 65_504,
  // The largest float of four bytes.
  FP32: (2 - 2 ** -23) * 2 ** 127,
  FP64: Number.MAX_VALUE,
};
const INTEGER_BITS: Readonly<Record<string, number>> = {
  INT8: 8,
  INT16: 16,
  INT32: 32,
  INT64: 64,
  UINT8: 8,
  UINT16: 16,
  UINT32: 32,
  UINT64: 64,
};
const FLOAT_WORDS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** Whether a datatype's values may differ by rounding. */
export function isFloat(datatype: string): boolean {
  return Object.hasOwn(FLOAT_LIMITS, datatype);
}

/** The element that a JSON value stands for, or what is wanted in its place. */
export function elementOf(datatype: string, value: unknown): Element | Unfit {
  if (isFloat(datatype)) return floatOf(value, FLOAT_LIMITS[datatype] as number);
  const bits = INTEGER_BITS[datatype];
  if (bits !== undefined) return integerOf(value, bits, datatype);
  if (datatype === 'BOOL') return typeof value === 'boolean' ? value : { wanted: 'true or false' };
  return typeof value === 'string' && value.isWellFormed() ? value : { wanted: 'text' };
}

function floatOf(value: unknown, limit: number): number | Unfit {
  if (typeof value === 'string' && Object.hasOwn(FLOAT_WORDS, value)) return FLOAT_WORDS[value] as number;
  if (typeof value !== 'number') return { wanted: 'a number, "NaN", "Infinity" or "-Infinity"' };
  return Math.abs(value) <= limit ? value : { wanted: `a number of at most ${limit}` };
}

function integerOf(value: unknown, bits: number, datatype: string): number | bigint | Unfit {
  const signed = datatype.startsWith('INT');
  const least = signed ? -(2n ** BigInt(bits - 1)) : 0n;
  const most = signed ? 2n ** BigInt(bits - 1) - 1n : 2n ** BigInt(bits) - 1n;
  const text = bits === 64 ? ', beyond 2^53 as text' : '';
  const unfit = { wanted: `an integer from ${least} to ${most}${text}` };
  const exact = typeof value === 'number' ? Number.isSafeInteger(value) : /^-?\d{1,20}$/.test(String(value));
  if (!exact || (typeof value !== 'number' && (typeof value !== 'string' || bits < 64))) return unfit;
  const integer = BigInt(value as number | string);
  if (integer < least || integer > most) return unfit;
  return bits === 64 ? integer : Number(integer);
}

type NumberArray = { readonly buffer: ArrayBuffer } & Iterable<number | bigint>;
interface NumberArrayType {
  from(values: Iterable<number>): NumberArray;
  new (buffer: ArrayBuffer): NumberArray;
}
const ARRAYS = {
  FP32: Float32Array,
  FP64: Float64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
} as unknown as Readonly<Record<string, NumberArrayType>>;

/** A tensor's bytes; floats are rounded to the nearest. */
export function encodeElements(datatype: string, elements: readonly Element[]): Uint8Array<ArrayBuffer> {
  if (datatype === 'BYTES') return encodeStrings(elements as readonly string[]);
  if (datatype === 'BOOL') return Uint8Array.from(elements as readonly boolean[], Number);
  if (datatype === 'FP16')
    return new Uint8Array(Uint16Array.from(elements as readonly number[], nearestFloat16Bits).buffer);
  return new Uint8Array((ARRAYS[datatype] as NumberArrayType).from(elements as readonly number[]).buffer);
}

/** A tensor's elements. Throws INVALID_ARGUMENT for strings that are none. */
export function decodeElements({ name, datatype, shape, data }: WireTensor): readonly Element[] {
  if (datatype === 'BYTES')
    return decodeStrings(
      name,
      data,
      shape.reduce((product, dim) => product * dim, 1),
    );
  // A copy is aligned.
  const { buffer } = new Uint8Array(data);
  if (datatype === 'BOOL') return Array.from(new Uint8Array(buffer), Boolean);
  if (datatype === 'FP16') return Array.from(new Uint16Array(buffer), float16Value);
  return Array.from(new (ARRAYS[datatype] as NumberArrayType)(buffer));
}
