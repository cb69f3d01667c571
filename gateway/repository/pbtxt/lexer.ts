import { quote } from '../../core/error.js';
import { PbtxtError, type Place } from './pbtxt-error.js';
import { unescapeInto } from './string-literal.js';

/** A piece of a text. `text` is as written; for a string it is the literal with its quotes. */
export interface Token extends Place {
  readonly kind: 'word' | 'number' | 'string' | 'symbol' | 'end';
  readonly text: string;
}

const SPACE = /[ \t\r\n\v\f]*(?:#[^\n]*[ \t\r\n\v\f]*)*/y;
const WORD = /[A-Za-z_]\w*/y;
const NUMBER = /0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?/y;
const STRING = /"[^"\\\n]*(?:\\[^\n][^"\\\n]*)*"|'[^'\\\n]*(?:\\[^\n][^'\\\n]*)*'/y;
const NEWLINE = 0x0a;
const SYMBOLS = '{}<>[]:,;-/';

/** Cuts a text into tokens, one token ahead of its reader. Throws PbtxtError for what is no token. */
export class Lexer {
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  /** The token that comes next. */
  token: Token;

  constructor(text: string) {
    this.#text = text;
    this.token = this.#read();
  }

  /** Returns the next token and reads the one after it. */
  take(): Token {
    const { token } = this;
    this.token = this.#read();
    return token;
  }

  /** Takes the next token if it is this symbol. */
  takeSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false;
    this.take();
    return true;
  }

  isSymbol(symbol: string): boolean {
    return this.token.kind === 'symbol' && this.token.text === symbol;
  }

  #read(): Token {
    this.#skipSpace();
    const place = this.#place();
    if (this.#at >= this.#text.length) return { kind: 'end', text: '', ...place };
    const word = this.#match(WORD);
    if (word !== undefined) return { kind: 'word', text: word, ...place };
    const number = this.#match(NUMBER);
    if (number !== undefined) return this.#number(number, place);
    const string = this.#match(STRING);
    if (string !== undefined) return { kind: 'string', text: string, ...place };
    const char = String.fromCodePoint(this.#text.codePointAt(this.#at) as number);
    if (char === '"' || char === "'")
      throw new PbtxtError(place, 'a string that does not end on its line: its closing quote is missing');
    if (!SYMBOLS.includes(char)) throw new PbtxtError(place, `unexpected character ${quote(char)}`);
    this.#at++;
    return { kind: 'symbol', text: char, ...place };
  }

  #number(text: string, place: Place): Token {
    const next = this.#text[this.#at];
    if (next !== undefined && /[\w.]/.test(next)) {
      const rest = this.#match(/[\w.]+/y) ?? '';
      throw new PbtxtError(place, `${quote(text + rest)} is not a number`);
    }
    return { kind: 'number', text, ...place };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #skipSpace(): void {
    const start = this.#at;
    this.#match(SPACE);
    // Not by a search for the next newline: that may be at the other end of the text, for each token anew.
    for (let i = start; i < this.#at; i++) {
      if (this.#text.charCodeAt(i) !== NEWLINE) continue;
      this.#line++;
      this.#lineStart = i + 1;
    }
  }

  #place(): Place {
    return { line: this.#line, column: this.#at - this.#lineStart + 1 };
  }
}

/** The bytes of a string token, its escapes resolved. Throws PbtxtError. */
export function stringBytes(token: Token): Buffer {
  const bytes: Buffer[] = [];
  unescapeInto(bytes, token.text.slice(1, -1), { line: token.line, column: token.column + 1 });
  return Buffer.concat(bytes);
}
