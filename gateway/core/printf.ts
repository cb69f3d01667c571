/**
 * A number as C's `%f` prints it: six decimals, never an exponent, exact ties to the even digit. JavaScript's `toFixed` rounds
 * ties away from zero, switches to an exponent at 1e21 and drops the sign of -0.
 */
export function fixed6(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return `${sign}inf`;
  // Beyond 2^53 there are no fractions.
  if (size >= 2 ** 53) return `${sign}${BigInt(size)}.000000`;
  // A tie at the seventh decimal is an odd number of 128ths: nothing else ends in a 5 there in binary.
  const parts = size * 128;
  if (Number.isInteger(parts) && parts % 2 === 1) return sign + tieToEven(BigInt(parts));
  return sign + size.toFixed(6);
}

/** An odd number of 128ths, which lie in the middle of two numbers of six decimals. */
function tieToEven(parts: bigint): string {
  const below = (parts * 15_625n) / 2n;
  const digits = String(below % 2n === 0n ? below : below + 1n).padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
