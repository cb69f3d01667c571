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

/** Up to this many characters a loop over them is cheaper than a call into native code. */
const SHORT_CHARS = 48;

/** Bytes of a text in UTF-8. */
function utf8Length(text: string): number {
  if (text.length > SHORT_CHARS) return Buffer.byteLength(text, 'utf8');
  for (let i = 0; i < text.length; i++)
    if (text.charCodeAt(i) >= 0x80) return Buffer.byteLength(text, 'utf8');
  return text.length;
}

/** Bytes of a string field with a number below 16; none for '', which proto3 leaves out. */
export function stringFieldSize(text: string): number {
  return text === '' ? 0 : bytesFieldSize(utf8Length(text));
}

/** Writes the protobuf wire format into a buffer, in exactly the room announced. Field numbers are below 16. */
export class WireWriter {
  readonly #buffer: Buffer;
  readonly #end: number;
  #pos: number;

  /** Writes `size` bytes from `offset` on. */
  constructor(buffer: Buffer, offset: number, size: number) {
    this.#buffer = buffer;
    this.#pos = offset;
    this.#end = offset + size;
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

  /** A field of a non-negative safe integer. */
  number(field: number, value: number): void {
    this.#buffer[this.#pos++] = field << 3;
    this.varint(value);
  }

  bytes(field: number, bytes: Uint8Array): void {
    this.head(field, bytes.length);
    this.raw(bytes);
  }

  /** Fields that are written already. */
  raw(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#pos);
    this.#pos += bytes.length;
  }

  /** '' writes nothing: proto3's default. */
  string(field: number, text: string): void {
    if (text === '') return;
    const length = utf8Length(text);
    this.head(field, length);
    if (length !== text.length || length > SHORT_CHARS) {
      this.#pos += this.#buffer.write(text, this.#pos, 'utf8');
      return;
    }
    // As many bytes as characters: ASCII.
    for (let i = 0; i < length; i++) this.#buffer[this.#pos++] = text.charCodeAt(i);
  }

  /** To be called last. Throws when sizes were computed wrongly: a bug, and never half a message. */
  finish(): void {
    if (this.#pos !== this.#end) throw new Error(`wrote ${this.#pos - this.#end} bytes more than announced`);
  }
}
