import { bfloat16Bits, float16Bits, fromBfloat16Bits, fromFloat16Bits } from './half.js';

/** One element of a tensor in JavaScript. */
export type Scalar = number | bigint | boolean | string | Uint8Array;

/** The typed arrays that hold a datatype's elements exactly. FP16 and BF16 are widened to Float32Array, BOOL is 0 or 1. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** How the elements of one fixed-size datatype are written and read. Bytes are little-endian, as raw contents are. */
export interface ElementCodec {
  /** Size of one element in bytes. */
  readonly size: number;
  /** Not every pattern of bytes is a legal element, so that a typed array must be looked through. */
  readonly checked?: boolean;
  /** Writes `value` at `offset`; returns what is wrong with it instead, when something is. */
  write(view: DataView, offset: number, value: unknown): string | undefined;
  read(view: DataView, offset: number): number | bigint | boolean;
  /** An array that holds `length` elements exactly. */
  array(length: number): TypedArray;
}

/** Text forms of the floats that JSON has no number for; both directions use them. */
const FLOAT_WORDS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

/** How a datatype lies in memory. */
interface Layout<T extends number | bigint> {
  readonly size: number;
  set(view: DataView, offset: number, value: T): void;
  read(view: DataView, offset: number): T;
  array(length: number): TypedArray;
}

function float(layout: Layout<number>, largest: number): ElementCodec {
  return {
    ...layout,
    write(view, offset, given) {
      const value =
        typeof given === 'string' && Object.hasOwn(FLOAT_WORDS, given) ? FLOAT_WORDS[given] : given;
      if (typeof value !== 'number') return 'wanted a number';
      if (Math.abs(value) > largest && Number.isFinite(value))
        return `beyond the range of ±${largest.toPrecision(4)}`;
      layout.set(view, offset, value);
      return undefined;
    },
  };
}

function integer(layout: Layout<number>, min: number, max: number): ElementCodec {
  return {
    ...layout,
    write(view, offset, given) {
      const value = typeof given === 'bigint' ? Number(given) : given;
      if (typeof value !== 'number' || !Number.isInteger(value)) return 'wanted an integer';
      if (value < min || value > max) return `wanted an integer from ${min} to ${max}`;
      layout.set(view, offset, value);
      return undefined;
    },
  };
}

/** 64-bit integers: numbers while they are exact (up to 2^53 - 1), beyond that bigints or decimal text. */
function wide(layout: Layout<bigint>, min: bigint, max: bigint): ElementCodec {
  return {
    ...layout,
    write(view, offset, given) {
      let value: bigint;
      if (typeof given === 'bigint') value = given;
      else if (typeof given === 'number') {
        if (!Number.isInteger(given)) return 'wanted an integer';
        if (!Number.isSafeInteger(given))
          return 'a number beyond 2^53 is not exact: give a bigint, or decimal text';
        value = BigInt(given);
      } else if (typeof given === 'string' && /^-?\d{1,20}$/.test(given)) value = BigInt(given);
      else return 'wanted an integer';
      if (value < min || value > max) return `wanted an integer from ${min} to ${max}`;
      layout.set(view, offset, value);
      return undefined;
    },
  };
}

const bool: ElementCodec = {
  size: 1,
  checked: true,
  write(view, offset, given) {
    if (given !== true && given !== false && given !== 0 && given !== 1) return 'wanted true or false';
    view.setUint8(offset, given ? 1 : 0);
    return undefined;
  },
  read: (view, offset) => view.getUint8(offset) !== 0,
  array: (length) => new Uint8Array(length),
};

/** Largest finite FP32, FP16 and BF16; a larger number would silently become Infinity. */
const FP32_MAX = (2 - 2 ** -23) * 2 ** 127;
const FP16_MAX = 65504;
const BF16_MAX = (2 - 2 ** -7) * 2 ** 127;

/** Datatypes of fixed size by their Open Inference Protocol names. BYTES is handled apart: its elements have lengths. */
const ELEMENT_CODECS: Readonly<Record<string, ElementCodec>> = {
  BOOL: bool,
  INT8: integer(
    {
      size: 1,
      set: (v, o, x) => v.setInt8(o, x),
      read: (v, o) => v.getInt8(o),
      array: (n) => new Int8Array(n),
    },
    -128,
    127,
  ),
  UINT8: integer(
    {
      size: 1,
      set: (v, o, x) => v.setUint8(o, x),
      read: (v, o) => v.getUint8(o),
      array: (n) => new Uint8Array(n),
    },
    0,
    255,
  ),
  INT16: integer(
    {
      size: 2,
      set: (v, o, x) => v.setInt16(o, x, true),
      read: (v, o) => v.getInt16(o, true),
      array: (n) => new Int16Array(n),
    },
    -32768,
    32767,
  ),
  UINT16: integer(
    {
      size: 2,
      set: (v, o, x) => v.setUint16(o, x, true),
      read: (v, o) => v.getUint16(o, true),
      array: (n) => new Uint16Array(n),
    },
    0,
    65535,
  ),
  INT32: integer(
    {
      size: 4,
      set: (v, o, x) => v.setInt32(o, x, true),
      read: (v, o) => v.getInt32(o, true),
      array: (n) => new Int32Array(n),
    },
    -(2 ** 31),
    2 ** 31 - 1,
  ),
  UINT32: integer(
    {
      size: 4,
      set: (v, o, x) => v.setUint32(o, x, true),
      read: (v, o) => v.getUint32(o, true),
      array: (n) => new Uint32Array(n),
    },
    0,
    2 ** 32 - 1,
  ),
  INT64: wide(
    {
      size: 8,
      set: (v, o, x) => v.setBigInt64(o, x, true),
      read: (v, o) => v.getBigInt64(o, true),
      array: (n) => new BigInt64Array(n),
    },
    -(2n ** 63n),
    2n ** 63n - 1n,
  ),
  UINT64: wide(
    {
      size: 8,
      set: (v, o, x) => v.setBigUint64(o, x, true),
      read: (v, o) => v.getBigUint64(o, true),
      array: (n) => new BigUint64Array(n),
    },
    0n,
    2n ** 64n - 1n,
  ),
  FP16: float(
    {
      size: 2,
      set: (v, o, x) => v.setUint16(o, float16Bits(x), true),
      read: (v, o) => fromFloat16Bits(v.getUint16(o, true)),
      array: (n) => new Float32Array(n),
    },
    FP16_MAX,
  ),
  BF16: float(
    {
      size: 2,
      set: (v, o, x) => v.setUint16(o, bfloat16Bits(x), true),
      read: (v, o) => fromBfloat16Bits(v.getUint16(o, true)),
      array: (n) => new Float32Array(n),
    },
    BF16_MAX,
  ),
  FP32: float(
    {
      size: 4,
      set: (v, o, x) => v.setFloat32(o, x, true),
      read: (v, o) => v.getFloat32(o, true),
      array: (n) => new Float32Array(n),
    },
    FP32_MAX,
  ),
  FP64: float(
    {
      size: 8,
      set: (v, o, x) => v.setFloat64(o, x, true),
      read: (v, o) => v.getFloat64(o, true),
      array: (n) => new Float64Array(n),
    },
    Number.MAX_VALUE,
  ),
};

/** The codec of a fixed-size datatype, or undefined for BYTES and for names that are no datatype. */
export function elementCodec(datatype: string): ElementCodec | undefined {
  return Object.hasOwn(ELEMENT_CODECS, datatype) ? ELEMENT_CODECS[datatype] : undefined;
}
