import { ConnectionError } from './errors.js';
import { H2_ERROR } from './frames.js';
import { isFieldName, isFieldValue } from './header-fields.js';
import { decodeHuffman } from './hpack-huffman.js';
import { STATIC_TABLE } from './hpack-static.js';

/** What each entry costs beside its text (RFC 7541, section 4.1). */
const ENTRY_OVERHEAD_BYTES = 32;
/** HTTP/2's default, which no setting of ours changes. */
const MAX_TABLE_BYTES = 4096;

/** Headers or trailers of one stream, in order. */
export interface HeaderList {
  /** Names at even places, their values behind them. */
  readonly fields: readonly string[];
  /** Size of all fields as HTTP/2 counts them: names, values and 32 bytes each. */
  readonly bytes: number;
  /** Too large: the fields beyond the limit were left out. */
  readonly oversize: boolean;
  /** A name or a value that HTTP/2 forbids: the request is malformed. */
  readonly malformed: boolean;
}

interface Entry {
  readonly name: string;
  readonly value: string;
  readonly bytes: number;
  readonly legal: boolean;
}

/**
 * Decodes the header blocks of one connection, in the order in which they come (RFC 7541). Its table holds at most 4 KiB;
 * a list beyond `maxListBytes` is decoded to its end, since the table depends on it, but not kept.
 */
export class HpackDecoder {
  readonly #maxListBytes: number;
  /** Newest last. */
  readonly #table: Entry[] = [];
  #tableBytes = 0;
  #tableLimit = MAX_TABLE_BYTES;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;

  constructor(maxListBytes: number) {
    this.#maxListBytes = maxListBytes;
  }

  /** Throws a ConnectionError, COMPRESSION_ERROR, when the block cannot be decoded: no later one can be either. */
  decode(block: Buffer, start: number, end: number): HeaderList {
    this.#bytes = block;
    this.#at = start;
    this.#end = end;
    const fields: string[] = [];
    let bytes = 0;
    let malformed = false;
    while (this.#at < end) {
      const entry = this.#next(fields.length === 0 && bytes === 0);
      if (entry === undefined) continue;
      bytes += entry.bytes;
      malformed ||= !entry.legal;
      if (bytes <= this.#maxListBytes) fields.push(entry.name, entry.value);
    }
    return { fields, bytes, oversize: bytes > this.#maxListBytes, malformed };
  }

  /** The next field; undefined for what changes the table only. */
  #next(first: boolean): Entry | undefined {
    const kind = this.#bytes[this.#at] as number;
    if ((kind & 0x80) !== 0) return this.#indexed(this.#integer(7));
    if ((kind & 0xe0) === 0x20) {
      if (!first) throw broken('the table’s size changes after a field');
      this.#resize(this.#integer(5));
      return undefined;
    }
    const keep = (kind & 0x40) !== 0;
    const index = this.#integer(keep ? 6 : 4);
    const name = index === 0 ? undefined : this.#indexed(index);
    const text = name === undefined ? this.#string() : name.name;
    const value = this.#string();
    const legal = (name?.legal ?? isFieldName(text)) && isFieldValue(value);
    const entry = { name: text, value, bytes: text.length + value.length + ENTRY_OVERHEAD_BYTES, legal };
    if (keep) this.#insert(entry);
    return entry;
  }

  #indexed(index: number): Entry {
    const fixed = STATIC_ENTRIES[index - 1];
    if (fixed !== undefined) return fixed;
    const entry = this.#table[this.#table.length - (index - STATIC_ENTRIES.length)];
    if (index === 0 || entry === undefined) throw broken(`index ${index} is in no table`);
    return entry;
  }

  #insert(entry: Entry): void {
    this.#tableBytes += entry.bytes;
    this.#table.push(entry);
    this.#evict();
  }

  #resize(bytes: number): void {
    if (bytes > MAX_TABLE_BYTES)
      throw broken(`a table of ${bytes} bytes, at most ${MAX_TABLE_BYTES} are allowed`);
    this.#tableLimit = bytes;
    this.#evict();
  }

  /** The oldest make room; an entry larger than the table empties it. At most 128 there are. */
  #evict(): void {
    while (this.#tableBytes > this.#tableLimit) this.#tableBytes -= (this.#table.shift() as Entry).bytes;
  }

  /** A number with an n-bit prefix (section 5.1). */
  #integer(prefixBits: number): number {
    const most = (1 << prefixBits) - 1;
    let value = (this.#bytes[this.#at++] as number) & most;
    if (value < most) return value;
    for (let scale = 1; scale <= 2 ** 21; scale *= 128) {
      if (this.#at >= this.#end) throw broken('it is cut short');
      const byte = this.#bytes[this.#at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
    throw broken('a number is too long');
  }

  #string(): string {
    if (this.#at >= this.#end) throw broken('it is cut short');
    const coded = ((this.#bytes[this.#at] as number) & 0x80) !== 0;
    const length = this.#integer(7);
    const start = this.#at;
    if (start + length > this.#end) throw broken('a text is cut short');
    this.#at = start + length;
    if (!coded) return this.#bytes.toString('latin1', start, this.#at);
    try {
      return decodeHuffman(this.#bytes, start, this.#at);
    } catch {
      throw broken('a text is not in the Huffman code');
    }
  }
}

const STATIC_ENTRIES: readonly Entry[] = STATIC_TABLE.map(([name, value]) => ({
  name,
  value,
  bytes: name.length + value.length + ENTRY_OVERHEAD_BYTES,
  legal: true,
}));

function broken(why: string): ConnectionError {
  return new ConnectionError(H2_ERROR.compressionError, `a header block cannot be decoded: ${why}`);
}
