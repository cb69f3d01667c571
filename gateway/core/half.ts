/** IEEE 754 binary16 (FP16) by its bits: what JSON, made-up input and the batch check need of it. Node 20 has no Float16Array. */

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

/** The bits of the FP16 value that is nearest to a number, ties to even, as arithmetic rounds: NaN, infinities and denormals, too. */
export function nearestFloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // Halfway between the largest value and the one that would follow.
  if (size >= 65_520) return sign | 0x7c00;
  let exponent = -14;
  while (size >= 2 ** (exponent + 1)) exponent++;
  const steps = size / 2 ** (exponent - 10);
  const below = Math.floor(steps);
  const rest = steps - below;
  const rounded = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  // Denormals, and the step from them to the smallest normal, are their own count; a carry is one more exponent.
  return sign | (((exponent + 14) << 10) + rounded);
}
