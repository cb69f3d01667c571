/** IEEE 754 binary16 (FP16) by its bits: what made-up input and the batch check need of it. Node 20 has no Float16Array. */

const scratch = new DataView(new ArrayBuffer(4));

/** The bits of a number within the range of normal FP16 values, cut to its precision; what is too small for them is 0. */
export function float16Bits(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  // The exponents are biased by 127 and by 15.
  const exponent = ((bits >>> 23) & 0xff) - 112;
  return exponent <= 0 ? sign : sign | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}

/** The number that FP16 bits stand for, exactly. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  // Denormals have the exponent of the smallest normal, and no leading 1.
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}
