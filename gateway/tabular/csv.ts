/** One record of a CSV file. */
export interface CsvRecord {
  /** Line on which it begins, counted from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/**
 * Reads comma-separated values (RFC 4180): cells in double quotes may hold commas, line breaks and doubled quotes. Strict where others
 * guess: text behind a closing quote, a quote that never ends. White space around a cell without quotes is no part of it; lines without
 * anything are passed over, and a byte order mark, which spreadsheets write, too. Throws Error with the line.
 */
export function readCsvRecords(text: string): CsvRecord[] {
  const reader = new CsvReader(text.replace(/^\uFEFF/, ''));
  const records: CsvRecord[] = [];
  for (let record = reader.next(); record !== undefined; record = reader.next()) records.push(record);
  return records;
}

enum Char {
  tab = 0x09,
  newline = 0x0a,
  return = 0x0d,
  space = 0x20,
  quote = 0x22,
  comma = 0x2c,
}

class CsvReader {
  readonly #text: string;
  #at = 0;
  #line = 1;
  /** Whether the last cell stood in quotes. */
  #wasQuoted = false;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next record that is not an empty line; undefined at the end. */
  next(): CsvRecord | undefined {
    while (this.#at < this.#text.length) {
      if (this.#passesLineEnd()) continue;
      const line = this.#line;
      const cells = this.#record();
      if (cells !== undefined) return { line, cells };
    }
    return undefined;
  }

  /** Whether a line ends here: its end is passed over. */
  #passesLineEnd(): boolean {
    const c = this.#text.charCodeAt(this.#at);
    if (c !== Char.newline && c !== Char.return) return false;
    this.#at++;
    if (c === Char.return && this.#text.charCodeAt(this.#at) === Char.newline) this.#at++;
    this.#line++;
    return true;
  }

  /** A line's cells; undefined of one of white space. */
  #record(): string[] | undefined {
    const cells: string[] = [];
    for (;;) {
      const cell = this.#cell();
      cells.push(cell);
      if (this.#text.charCodeAt(this.#at) === Char.comma) {
        this.#at++;
        continue;
      }
      // Or at the end of the text.
      this.#passesLineEnd();
      // An empty cell in quotes is a value.
      return cells.length === 1 && cell === '' && !this.#wasQuoted ? undefined : cells;
    }
  }

  #cell(): string {
    const text = this.#text;
    let at = this.#at;
    let c = text.charCodeAt(at);
    while (c === Char.space || c === Char.tab) c = text.charCodeAt(++at);
    this.#at = at;
    this.#wasQuoted = c === Char.quote;
    if (c === Char.quote) return this.#quoted();
    const start = at;
    const { length } = text;
    while (at < length && c !== Char.comma && c !== Char.newline && c !== Char.return)
      c = text.charCodeAt(++at);
    this.#at = at;
    return text.slice(start, at).trim();
  }

  #quoted(): string {
    const line = this.#line;
    const start = this.#at;
    let text = '';
    for (let from = start + 1; ; from = this.#at) {
      const quote = this.#text.indexOf('"', from);
      if (quote < 0)
        throw new Error(`line ${line} has a cell whose quotes do not end: ${this.#excerpt(start)}`);
      text += this.#text.slice(from, quote);
      this.#at = quote + 1;
      if (this.#text[this.#at] !== '"') break;
      text += '"';
      this.#at++;
    }
    this.#line += text.split('\n').length - 1;
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
    const next = this.#text[this.#at];
    if (next === undefined || next === ',' || next === '\n' || next === '\r') return text;
    throw new Error(`line ${line} has a cell whose quotes do not end with it: ${this.#excerpt(start)}`);
  }

  #excerpt(at: number): string {
    return this.#text.slice(at, at + 40).split(/[\r\n]/, 1)[0] as string;
  }
}
