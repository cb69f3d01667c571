import type { GatewayError } from '../../core/error.js';

/** A place in a text, and the ways to say what is wrong there. */
export interface TextCursor {
  readonly text: string;
  at: number;
  error(problem: string, at?: number): GatewayError;
  unexpected(wanted: string, at?: number): GatewayError;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What stands behind a backslash for one character. */
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A part of a text this long keeps all of it in memory, and so is copied out of those that are large. */
const SLICED_CHARS = 13;
const LARGE_CHARS = 4096;

/** Reads the text that begins at the reader's `at`, where its opening quote stands. */
export function readString(reader: TextCursor): string {
  const { text } = reader;
  const start = reader.at + 1;
  let at = start;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) {
      reader.at = at + 1;
      const part = text.slice(start, at);
      return part.length >= SLICED_CHARS && text.length > LARGE_CHARS ? copied(part) : part;
    }
    if (c === BACKSLASH) return escaped(reader, start, at);
    // NaN, at the end, is not.
    if (!(c >= 0x20)) throw badCharacter(reader, at);
    at++;
  }
}

/** One that has a backslash at `slash`, its first. */
function escaped(reader: TextCursor, start: number, slash: number): string {
  const { text } = reader;
  let found = text.slice(start, slash);
  let at = slash;
  for (;;) {
    const plain = at;
    let c = text.charCodeAt(at);
    while (c !== QUOTE && c !== BACKSLASH && c >= 0x20) c = text.charCodeAt(++at);
    found += text.slice(plain, at);
    if (c === QUOTE) {
      reader.at = at + 1;
      return copied(found);
    }
    if (c !== BACKSLASH) throw badCharacter(reader, at);
    const letter = text.charAt(at + 1);
    const character = ESCAPES[letter];
    if (character !== undefined) {
      found += character;
      at += 2;
    } else if (letter === 'u') {
      const unit = hexUnit(reader, at);
      at += 6;
      if ((unit & 0xf800) !== 0xd800) {
        found += String.fromCharCode(unit);
        continue;
      }
      // Half a character: nothing but its other half may follow, or no UTF-8 can be made of it.
      const low = text.startsWith('\\u', at) ? hexUnit(reader, at) : 0;
      if (unit >= 0xdc00 || (low & 0xfc00) !== 0xdc00)
        throw reader.error('half of a surrogate pair stands alone', at - 6);
      found += String.fromCharCode(unit, low);
      at += 6;
    } else throw reader.unexpected('one of " \\ / b f n r t u behind a backslash', at + 1);
  }
}

/** The four digits of `\uXXXX`. */
function hexUnit(reader: TextCursor, at: number): number {
  const digits = reader.text.slice(at + 2, at + 6);
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw reader.error("'\\u' wants four hexadecimal digits", at);
  return Number.parseInt(digits, 16);
}

function badCharacter(reader: TextCursor, at: number): GatewayError {
  return at >= reader.text.length
    ? reader.error('a text does not end', at)
    : reader.error('a text has a control character, which must be escaped', at);
}

/** With memory of its own. */
function copied(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
