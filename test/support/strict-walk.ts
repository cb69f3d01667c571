/**
 * Whether bytes are a message of a schema by the letter of the wire format. @bufbuild/protobuf, otherwise strict, does not see
 * that a field runs out of the message that holds it; this walk over its descriptors does, and decodes nothing.
 */
import { isUtf8 } from 'node:buffer';
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';

const MAX_GROUP_DEPTH = 100;

/** Throws an Error with what is wrong. */
export function walkStrictly(schema: DescMessage, body: Uint8Array): void {
  walkFields(body, (field, type, cursor) => {
    const known = schema.fields.find(({ number }) => number === field);
    if (known === undefined) cursor.skip(type, field, 0);
    else if (known.fieldKind === 'map') walkEntry(known, type, cursor);
    else if (known.message !== undefined) walkStrictly(known.message, cursor.nested(type));
    else if (known.scalar !== undefined) walkScalar(known.scalar, known.fieldKind === 'list', type, cursor);
    else throw new Error('a kind of field that no request has');
  });
}

function walkEntry(map: DescField & { fieldKind: 'map' }, type: number, cursor: Cursor): void {
  walkFields(cursor.nested(type), (field, entryType, entry) => {
    if (field === 1) walkScalar(map.mapKey, false, entryType, entry);
    else if (field === 2) walkStrictly(map.message as DescMessage, entry.nested(entryType));
    else entry.skip(entryType, field, 0);
  });
}

function walkScalar(scalar: ScalarType, list: boolean, type: number, cursor: Cursor): void {
  if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) {
    const bytes = cursor.nested(type);
    if (scalar === ScalarType.STRING && !isUtf8(bytes)) throw new Error('not UTF-8');
    return;
  }
  const own = scalar === ScalarType.DOUBLE ? 1 : scalar === ScalarType.FLOAT ? 5 : 0;
  if (type === own) cursor.skip(own, 0, 0);
  else if (list) {
    const run = new Cursor(cursor.nested(type));
    while (run.left > 0) run.skip(own, 0, 0);
  } else throw new Error('another wire type');
}

function walkFields(body: Uint8Array, visit: (field: number, type: number, cursor: Cursor) => void): void {
  const cursor = new Cursor(body);
  while (cursor.left > 0) {
    const [field, type] = cursor.tag();
    visit(field, type, cursor);
  }
}

class Cursor {
  readonly #bytes: Uint8Array;
  #pos = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#pos;
  }

  tag(): [number, number] {
    const value = this.#varint(5);
    if (value > 0xffffffffn || value < 8n) throw new Error('no tag');
    return [Number(value >> 3n), Number(value & 7n)];
  }

  /** The bytes of a length-delimited field. */
  nested(type: number): Uint8Array {
    if (type !== 2) throw new Error('another wire type');
    const length = this.#varint(5);
    if (length > 0xffffffffn) throw new Error('no length');
    return this.#take(Number(length));
  }

  skip(type: number, field: number, depth: number): void {
    if (type === 0) this.#varint(10);
    else if (type === 1) this.#take(8);
    else if (type === 2) this.nested(2);
    else if (type === 5) this.#take(4);
    else if (type === 3 && depth < MAX_GROUP_DEPTH) this.#skipGroup(field, depth + 1);
    else throw new Error(`wire type ${type}`);
  }

  #skipGroup(field: number, depth: number): void {
    for (;;) {
      const [inner, type] = this.tag();
      if (type !== 4) this.skip(type, inner, depth);
      else if (inner === field) return;
      else throw new Error('a group ends that did not start');
    }
  }

  #take(count: number): Uint8Array {
    if (count > this.left) throw new Error('truncated');
    this.#pos += count;
    return this.#bytes.subarray(this.#pos - count, this.#pos);
  }

  #varint(maxBytes: number): bigint {
    let value = 0n;
    for (let i = 0; i < maxBytes; i++) {
      const byte = this.#take(1)[0] as number;
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte < 0x80) return value;
    }
    throw new Error('a varint too long');
  }
}
