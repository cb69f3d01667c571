import { isUtf8 } from 'node:buffer';
import { GatewayError, quote } from '../../core/error.js';
import { readNumber } from './read-number.js';
import { readString } from './read-string.js';

/** Deeper nesting than any request has; a tensor's data may have 64 levels. What is deeper is refused before anything recurses into it. */
const MAX_DEPTH = 100;

/** Most members of one object: each is remembered, so that a second one of its name is seen. */
const MAX_MEMBERS = 10_000;
/** Objects with fewer members are searched through: a Set for each would cost more. */
const FEW_MEMBERS = 8;

/** What stands next. `number` also stands for the tokens NaN, Infinity and -Infinity. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null';

enum Char {
  quote = 0x22,
  comma = 0x2c,
  minus = 0x2d,
  zero = 0x30,
  nine = 0x39,
  colon = 0x3a,
  bigI = 0x49,
  bigN = 0x4e,
  openBracket = 0x5b,
  closeBracket = 0x5d,
  openBrace = 0x7b,
  closeBrace = 0x7d,
}

/**
 * Reads JSON (RFC 8259) from beginning to end, value by value, as its caller asks for them: nothing is built that nobody wants. Strict,
 * but for the tokens NaN, Infinity and -Infinity, which Python writes. Refuses with INVALID_ARGUMENT and line and column: what is no JSON,
 * a byte order mark, text that is not UTF-8, a name that an object has twice, nesting that is too deep.
 *
 * Objects: `beginObject`, then `key` until it is undefined, each followed by its value. Arrays: `beginArray`, then `element`
 * until it is false, each followed by its value. `end` after the last.
 */
export class JsonReader {
  readonly text: string;
  /** Where the next token, or the white space before it, begins. */
  at = 0;
  /** Where the last number began: its digits reach to `at`. */
  numberAt = 0;
  /** Whether it had neither fraction nor exponent. */
  whole = false;
  #depth = 0;
  /** Just behind an opening bracket, where no comma is wanted. */
  #fresh = false;
  /** The names that each open object has had, by depth. */
  readonly #names: (string[] | Set<string>)[] = [];

  /** @param body UTF-8 */
  constructor(body: Buffer) {
    // One that fits into bytes again has no characters beyond them: the search is over at once then.
    const text = body.toString('utf8');
    this.text = text;
    if (text.includes('\ufffd') && !isUtf8(body)) throw this.error('the body is not valid UTF-8');
    if (text.charCodeAt(0) === 0xfeff) throw this.error('it begins with a byte order mark');
    if (text.charCodeAt(0) === 0 || text.charCodeAt(1) === 0) throw this.error('it is not UTF-8');
  }

  /** What stands next; white space is passed over. */
  peek(): JsonKind {
    const c = this.#next();
    if (c === Char.openBracket) return 'array';
    if (c === Char.openBrace) return 'object';
    if (c === Char.quote) return 'string';
    if ((c >= Char.zero && c <= Char.nine) || c === Char.minus || c === Char.bigN || c === Char.bigI)
      return 'number';
    if (c === 0x74) return 'true';
    if (c === 0x66) return 'false';
    if (c === 0x6e) return 'null';
    throw this.unexpected('a value');
  }

  beginObject(): void {
    this.#begin(Char.openBrace, 'an object');
    const names = this.#names[this.#depth];
    if (Array.isArray(names)) names.length = 0;
    else this.#names[this.#depth] = [];
  }

  /** The next member's name; undefined behind the last. */
  key(): string | undefined {
    if (this.#closes(Char.closeBrace)) return undefined;
    if (this.#next() !== Char.quote) throw this.unexpected('a name in double quotes');
    const { at } = this;
    const name = this.string();
    this.#remember(name, at);
    if (this.#next() !== Char.colon) throw this.unexpected("':'");
    this.at++;
    return name;
  }

  beginArray(): void {
    this.#begin(Char.openBracket, 'a list');
  }

  /** Whether there is another element. */
  element(): boolean {
    return !this.#closes(Char.closeBracket);
  }

  string(): string {
    if (this.#next() !== Char.quote) throw this.unexpected('a text');
    return readString(this);
  }

  boolean(): boolean {
    this.#next();
    if (this.#takes('true')) return true;
    if (this.#takes('false')) return false;
    throw this.unexpected('true or false');
  }

  null(): void {
    this.#next();
    if (!this.#takes('null')) throw this.unexpected('null');
  }

  /** The nearest double; see `readNumber`. */
  number(): number {
    this.#next();
    return readNumber(this);
  }

  /** Passes over a value of any kind, and refuses what is wrong with it. */
  skip(): void {
    switch (this.peek()) {
      case 'object':
        this.beginObject();
        while (this.key() !== undefined) this.skip();
        return;
      case 'array':
        this.beginArray();
        while (this.element()) this.skip();
        return;
      case 'string':
        this.string();
        return;
      case 'number':
        this.number();
        return;
      case 'null':
        this.null();
        return;
      default:
        this.boolean();
    }
  }

  /** There must be nothing more. */
  end(): void {
    if (!Number.isNaN(this.#next())) throw this.unexpected('the end');
  }

  /** For a value that has been passed over, and is read when it is known what it is for. `at` must be where a value begins. */
  rewind(at: number): void {
    this.at = at;
    this.#fresh = false;
  }

  /** What is wrong with the text, and where. */
  error(problem: string, at = this.at): GatewayError {
    return malformed(`${problem} (${this.place(at)})`);
  }

  /** `wanted` does not stand there. */
  unexpected(wanted: string, at = this.at): GatewayError {
    const found =
      at >= this.text.length
        ? 'it ends'
        : `got ${quote(String.fromCodePoint(this.text.codePointAt(at) as number))}`;
    return this.error(`wanted ${wanted}, ${found}`, at);
  }

  /** `line 3, column 14`: both count from 1, columns in UTF-16 units, as editors do. */
  place(at: number): string {
    let line = 1;
    let start = 0;
    for (let end = this.text.indexOf('\n'); end >= 0 && end < at; end = this.text.indexOf('\n', start)) {
      line++;
      start = end + 1;
    }
    return `line ${line}, column ${at - start + 1}`;
  }

  /** Passes over white space; the character that follows, NaN at the end. */
  #next(): number {
    const { text } = this;
    let { at } = this;
    let c = text.charCodeAt(at);
    while (c === 0x20 || c === 0x0a || c === 0x0d || c === 0x09) c = text.charCodeAt(++at);
    this.at = at;
    return c;
  }

  #begin(bracket: Char, what: string): void {
    if (this.#next() !== bracket) throw this.unexpected(what);
    if (this.#depth >= MAX_DEPTH) throw this.error(`it is nested deeper than ${MAX_DEPTH} levels`);
    this.#depth++;
    this.at++;
    this.#fresh = true;
  }

  /** Whether the open object or array ends here; if not, the comma before what follows is passed over. */
  #closes(bracket: Char): boolean {
    const c = this.#next();
    if (c === bracket) {
      this.#depth--;
      this.at++;
      this.#fresh = false;
      return true;
    }
    if (this.#fresh) {
      this.#fresh = false;
      return false;
    }
    if (c !== Char.comma) throw this.unexpected(bracket === Char.closeBrace ? "',' or '}'" : "',' or ']'");
    this.at++;
    return false;
  }

  #remember(name: string, at: number): void {
    let names = this.#names[this.#depth] as string[] | Set<string>;
    if (Array.isArray(names) && names.length >= FEW_MEMBERS) {
      names = new Set(names);
      this.#names[this.#depth] = names;
    }
    if (Array.isArray(names)) {
      if (names.includes(name)) throw this.#twice(name, at);
      names.push(name);
      return;
    }
    if (names.has(name)) throw this.#twice(name, at);
    if (names.size >= MAX_MEMBERS) throw this.error(`an object has more than ${MAX_MEMBERS} members`, at);
    names.add(name);
  }

  #twice(name: string, at: number): GatewayError {
    return this.error(`the name ${quote(name)} is there twice`, at);
  }

  #takes(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false;
    this.at += word.length;
    return true;
  }
}

/** In the words that Triton has before its own; they are searched for. */
function malformed(problem: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', `failed to parse the request JSON buffer: ${problem}`, {
    reason: 'bad_request',
  });
}
