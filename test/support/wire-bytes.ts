/** Protobuf wire bytes by hand, also such as no library would write. */

export function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export function tag(field: number, type: number): Buffer {
  return varint(field * 8 + type);
}

/** A length-delimited field. */
export function len(field: number, ...parts: readonly (Uint8Array | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([tag(field, 2), varint(body.length), body]);
}

/** A varint field. */
export function num(field: number, value: number | bigint): Buffer {
  return Buffer.concat([tag(field, 0), varint(value)]);
}

/** An input tensor (field 5 of ModelInferRequest) with what else is given. */
export function input(name: string, datatype: string, shape: readonly number[], ...more: Buffer[]): Buffer {
  return len(5, len(1, name), len(2, datatype), len(3, Buffer.concat(shape.map(varint))), ...more);
}
