import { float16Value, nearestFloat16Bits } from '../../core/half.js';

/** Rounds a double to what a narrower datatype holds. */
type Round = (value: number) => number;

const toFloat16: Round = (value) => float16Value(nearestFloat16Bits(value));

/**
 * The number with the fewest digits that is read back as the same FP32: as a double, whose own shortest form has these digits.
 * `0.1` in FP32 is 0.10000000149011612 as a double; this is 0.1.
 */
export function shortFloat32(value: number): number {
  return shorten(value, Math.fround, 6, 9);
}

/** The same of an FP16. */
export function shortFloat16(value: number): number {
  return shorten(value, toFloat16, 3, 5);
}

/**
 * With `least` digits every shorter number that would do is found, too: rounding to `least` digits is finer than the datatype, so
 * it gives that number, with zeros behind. With `most` there always is one.
 */
function shorten(value: number, round: Round, least: number, most: number): number {
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return value;
  const size = Math.abs(value);
  // Powers of ten are exact within these bounds, and the division below is rounded once.
  if (size < 1e-10 || size >= 1e15 || Number.isNaN(value)) return shortenByText(value, round, most);
  const magnitude = Math.floor(Math.log10(size));
  for (let digits = least; digits < most; digits++) {
    const places = digits - 1 - magnitude;
    const short =
      places >= 0
        ? Math.round(value * 10 ** places) / 10 ** places
        : Math.round(value / 10 ** -places) * 10 ** -places;
    if (round(short) === value) return short;
  }
  return shortenByText(value, round, most);
}

/** Very large and very small ones, among which denormals have fewer digits. */
function shortenByText(value: number, round: Round, most: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 1; digits < most; digits++) {
    const short = Number(value.toPrecision(digits));
    if (round(short) === value) return short;
  }
  return Number(value.toPrecision(most));
}
