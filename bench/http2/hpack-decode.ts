import { decodeHuffman } from '../../gateway/http2/hpack-huffman.js';
import { STATIC_TABLE } from '../../gateway/http2/hpack-static.js';

/**
 * Decodes a header block of a peer that was told to keep no table (SETTINGS_HEADER_TABLE_SIZE 0): a literal that asks to
 * be indexed is then legal but has no effect, and an index beyond the static table is an error.
 * @throws Error when the block is malformed or refers to a dynamic table.
 */
export function decodeHeaders(block: Uint8Array, from = 0, to = block.length): [string, string][] {
  const reader = new Reader(block, from, to);
  const fields: [string, string][] = [];
  while (!reader.done) {
    const first = reader.peek();
    if (first & 0x80) {
      const [name, value] = tableEntry(reader.integer(7));
      fields.push([name, value]);
    } else if ((first & 0xe0) === 0x20) {
      // The new size of the peer's table, at most the 0 that we allow.
      if (reader.integer(5) !== 0)
        throw new Error('HPACK: the peer wants a larger table than it was allowed');
    } else {
      const index = reader.integer(first & 0x40 ? 6 : 4);
      const name = index === 0 ? reader.string() : tableEntry(index)[0];
      fields.push([name, reader.string()]);
    }
  }
  return fields;
}

function tableEntry(index: number): readonly [string, string] {
  const entry = STATIC_TABLE[index - 1];
  if (entry === undefined) throw new Error(`HPACK: index ${index} is not in the static table`);
  return entry;
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, from: number, to: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  get done(): boolean {
    return this.#at >= this.#end;
  }

  peek(): number {
    return this.#bytes[this.#at] as number;
  }

  /** A number with an n-bit prefix (section 5.1). */
  integer(prefixBits: number): number {
    const most = 2 ** prefixBits - 1;
    let value = this.#next() & most;
    if (value < most) return value;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#next();
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      if (scale > 2 ** 28) throw new Error('HPACK: a number is too long');
    }
  }

  string(): string {
    const coded = (this.peek() & 0x80) !== 0;
    const length = this.integer(7);
    const from = this.#at;
    if (from + length > this.#end) throw new Error('HPACK: a string is cut short');
    this.#at = from + length;
    return coded
      ? decodeHuffman(this.#bytes, from, this.#at)
      : Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, length).toString('latin1');
  }

  #next(): number {
    if (this.done) throw new Error('HPACK: the block is cut short');
    return this.#bytes[this.#at++] as number;
  }
}
