/**
 * The two 16-bit floats that JavaScript lacks on Node 20: IEEE 754 binary16 (FP16) and bfloat16 (BF16, the upper half
 * of a binary32). Conversions round to nearest, ties to even, as hardware does.
 */

const scratch = new DataView(new ArrayBuffer(4));

/**
 * The binary16 bits of a number; beyond the range, infinity.
 *
 * A binary16 is an 11-bit significand times a power of two, never below 2^-24. So: find the exponent, scale such that
 * one unit is the last bit, round that to an even integer, and put the fields together. A carry out of the
 * significand runs into the exponent field, which is just what rounding up to the next power of two means.
 */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // 65520 lies half-way between the largest finite value and what would be the next: a tie, and so infinity.
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundHalfToEven(magnitude * 2 ** 24);
  const exponent = floorLog2(magnitude);
  const significand = roundHalfToEven(magnitude * 2 ** (10 - exponent));
  return sign | (((exponent + 15) << 10) + (significand - 1024));
}

/** The number that binary16 bits stand for; every one is exact in a JavaScript number. */
export function fromFloat16Bits(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The bfloat16 bits of a number: its binary32, rounded to the upper 16 bits. */
export function bfloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The number that bfloat16 bits stand for. */
export function fromBfloat16Bits(bits: number): number {
  scratch.setUint32(0, bits << 16);
  return scratch.getFloat32(0);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest > 0.5 || (rest === 0.5 && floor % 2 === 1)) return floor + 1;
  return floor;
}

/** Exponent of a normal number, read from its binary64 rather than by Math.log2, which rounds near powers of two. */
function floorLog2(value: number): number {
  const wide = new DataView(new ArrayBuffer(8));
  wide.setFloat64(0, value);
  return ((wide.getUint32(0) >>> 20) & 0x7ff) - 1023;
}
