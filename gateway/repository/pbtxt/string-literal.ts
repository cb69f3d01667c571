import { quote } from '../../core/error.js';
import { PbtxtError, type Place } from './pbtxt-error.js';

const SIMPLE: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
};

const ESCAPE = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([^\n]))/gu;

/**
 * Appends the bytes of a string literal's inside: text as UTF-8, escapes as C has them, of which `\ooo` and `\xhh` are
 * bytes and `\uhhhh` and `\Uhhhhhhhh` code points. Throws PbtxtError with the place of the escape; `place` is that of the inside.
 */
export function unescapeInto(into: Buffer[], inside: string, place: Place): void {
  let done = 0;
  for (const match of inside.matchAll(ESCAPE)) {
    const at = { line: place.line, column: place.column + match.index };
    into.push(Buffer.from(inside.slice(done, match.index), 'utf8'), escapedBytes(match, at));
    done = match.index + match[0].length;
  }
  into.push(Buffer.from(inside.slice(done), 'utf8'));
}

function escapedBytes([whole, octal, hex, short, long, char]: RegExpMatchArray, at: Place): Buffer {
  if (char !== undefined) {
    const byte = SIMPLE[char];
    if (byte === undefined) throw new PbtxtError(at, `${quote(whole ?? '')} is no escape in a string`);
    return Buffer.of(byte);
  }
  if (octal !== undefined || hex !== undefined) {
    const byte = octal === undefined ? Number.parseInt(hex ?? '', 16) : Number.parseInt(octal, 8);
    if (byte > 255)
      throw new PbtxtError(at, `${quote(whole ?? '')} is more than a byte can be: at most \\377`);
    return Buffer.of(byte);
  }
  const point = Number.parseInt(short ?? long ?? '', 16);
  if (point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
    throw new PbtxtError(at, `${quote(whole ?? '')} is not a character of Unicode`);
  return Buffer.from(String.fromCodePoint(point), 'utf8');
}
