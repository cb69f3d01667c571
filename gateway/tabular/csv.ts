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

class CsvReader {
  readonly #text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** The next record that is not an empty line; undefined at the end. */
  next(): CsvRecord | undefined {
    while (this.#at < this.#text.length) {
      const line = this.#line;
      const cells = this.#record();
      if (cells.length > 1 || cells[0]?.bare !== '') return { line, cells: cells.map(({ text }) => text) };
    }
    return undefined;
  }

  /** `bare` is undefined of a cell in quotes: an empty one is a value. */
  #record(): { text: string; bare: string | undefined }[] {
    const cells: { text: string; bare: string | undefined }[] = [];
    for (;;) {
      cells.push(this.#cell());
      const c = this.#text[this.#at];
      this.#at++;
      if (c === ',') continue;
      if (c === '\r' && this.#text[this.#at] === '\n') this.#at++;
      this.#line++;
      return cells;
    }
  }

  #cell(): { text: string; bare: string | undefined } {
    while (this.#text[this.#at] === ' ' || this.#text[this.#at] === '\t') this.#at++;
    if (this.#text[this.#at] === '"') return { text: this.#quoted(), bare: undefined };
    const start = this.#at;
    const end = /[,\r\n]/g;
    end.lastIndex = start;
    this.#at = end.exec(this.#text)?.index ?? this.#text.length;
    const text = this.#text.slice(start, this.#at).trim();
    return { text, bare: text };
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
