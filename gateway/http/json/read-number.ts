import { quote } from '../../core/error.js';
import type { TextCursor } from './read-string.js';

/** A cursor that remembers what its last number looked like. */
export interface NumberCursor extends TextCursor {
  /** Where it began: its digits reach to `at`. */
  numberAt: number;
  /** Whether it had neither fraction nor exponent. */
  whole: boolean;
}

enum Char {
  plus = 0x2b,
  minus = 0x2d,
  dot = 0x2e,
  zero = 0x30,
  nine = 0x39,
  e = 0x65,
}

/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));
/** Digits of a whole number that a double always holds exactly. */
const EXACT_DIGITS = 15;

/**
 * Reads the number that begins at the cursor's `at`: the nearest double. One that is too large for any is refused, since nobody can
 * have meant infinity by it; NaN, Infinity and -Infinity are taken by these names.
 */
export function readNumber(cursor: NumberCursor): number {
  const { text } = cursor;
  const start = cursor.at;
  let at = start;
  let c = text.charCodeAt(at);
  const negative = c === Char.minus;
  if (negative) c = text.charCodeAt(++at);
  if (!(c >= Char.zero && c <= Char.nine)) return readToken(cursor, negative);
  const first = at;
  let mantissa = 0;
  for (; c >= Char.zero && c <= Char.nine; c = text.charCodeAt(++at))
    mantissa = mantissa * 10 + (c - Char.zero);
  if (at > first + 1 && text.charCodeAt(first) === Char.zero)
    throw cursor.error('a number begins with a 0 that is not its only digit', start);
  let digits = at - first;
  let exponent = 0;
  let whole = true;
  if (c === Char.dot) {
    whole = false;
    const point = at;
    c = text.charCodeAt(++at);
    for (; c >= Char.zero && c <= Char.nine; c = text.charCodeAt(++at))
      mantissa = mantissa * 10 + (c - Char.zero);
    exponent = point + 1 - at;
    if (exponent === 0) throw cursor.unexpected('a digit behind the point', at);
    digits -= exponent;
  }
  if ((c | 0x20) === Char.e) {
    whole = false;
    const sign = text.charCodeAt(at + 1);
    if (sign === Char.plus || sign === Char.minus) at++;
    const from = at + 1;
    let given = 0;
    c = text.charCodeAt(++at);
    for (; c >= Char.zero && c <= Char.nine; c = text.charCodeAt(++at))
      if (given < 100_000) given = given * 10 + (c - Char.zero);
    if (at === from) throw cursor.unexpected('a digit of the exponent', at);
    exponent += sign === Char.minus ? -given : given;
  }
  cursor.at = at;
  cursor.numberAt = start;
  cursor.whole = whole;
  // Exact by exact is rounded once: W. D. Clinger, How to read floating point numbers accurately (1990).
  if (digits <= EXACT_DIGITS && exponent >= -22 && exponent <= 22) {
    const power = POWERS[exponent < 0 ? -exponent : exponent] as number;
    const value = exponent < 0 ? mantissa / power : mantissa * power;
    return negative ? -value : value;
  }
  const value = Number(text.slice(start, at));
  if (Number.isFinite(value)) return value;
  throw cursor.error(`the number ${quote(text.slice(start, at), 40)} is larger than any double`, start);
}

function readToken(cursor: NumberCursor, negative: boolean): number {
  const { text, at } = cursor;
  cursor.numberAt = at;
  cursor.whole = false;
  if (text.startsWith('Infinity', negative ? at + 1 : at)) {
    cursor.at = at + (negative ? 9 : 8);
    return negative ? -Infinity : Infinity;
  }
  if (!negative && text.startsWith('NaN', at)) {
    cursor.at = at + 3;
    return Number.NaN;
  }
  throw cursor.unexpected(negative ? 'a digit' : 'a number', negative ? at + 1 : at);
}
