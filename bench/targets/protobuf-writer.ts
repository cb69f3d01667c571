/** Writes protobuf's wire format, as far as requests need it. Order of fields is the caller's. */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];

  /** An int64 field, or one of a smaller integer or enumeration. Zero is left out, as proto3 does. */
  integer(field: number, value: number): this {
    if (value === 0) return this;
    this.#parts.push(varint(BigInt(field) << 3n), varint(BigInt.asUintN(64, BigInt(value))));
    return this;
  }

  /** A bytes, string or message field. */
  bytes(field: number, value: Uint8Array | string): this {
    const content = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    this.#parts.push(varint((BigInt(field) << 3n) | 2n), varint(BigInt(content.length)), content);
    return this;
  }

  finish(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Seven bits a byte, the lowest first; the top bit says that more follow. */
function varint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Uint8Array.from(bytes);
}
