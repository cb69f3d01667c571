/** Bytes of an unsigned varint; `value` is a non-negative safe integer. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Bytes of a length-delimited field with a number below 16. */
export function bytesFieldSize(length: number): number {
  return 1 + varintSize(length) + length;
}

/** Bytes of a string field with a number below 16; none for '', which proto3 leaves out. */
export function stringFieldSize(text: string): number {
  return text === '' ? 0 : bytesFieldSize(Buffer.byteLength(text, 'utf8'));
}

/** Writes the protobuf wire format into a buffer of exactly the size announced. Field numbers are below 16. */
export class WireWriter {
  readonly #buffer: Buffer;
  #pos = 0;

  constructor(size: number) {
    this.#buffer = Buffer.allocUnsafe(size);
  }

  /** An unsigned varint of a non-negative safe integer. */
  varint(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.#buffer[this.#pos++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#buffer[this.#pos++] = rest;
  }

  /** Tag and length of a length-delimited field whose content is written next. */
  head(field: number, length: number): void {
    this.#buffer[this.#pos++] = (field << 3) | 2;
    this.varint(length);
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.head(field, bytes.length);
    this.#buffer.set(bytes, this.#pos);
    this.#pos += bytes.length;
  }

  /** '' writes nothing: proto3's default. */
  string(field: number, text: string): void {
    if (text === '') return;
    this.head(field, Buffer.byteLength(text, 'utf8'));
    this.#pos += this.#buffer.write(text, this.#pos, 'utf8');
  }

  /** The finished buffer. Throws when sizes were computed wrongly: a bug, and never half a message. */
  finish(): Buffer {
    if (this.#pos !== this.#buffer.length)
      throw new Error(`wrote ${this.#pos} bytes of ${this.#buffer.length} announced`);
    return this.#buffer;
  }
}
