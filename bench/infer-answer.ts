/** The answer of ModelInfer, read from the wire just far enough to be compared (protobuf's encoding document). */

/** An output of an answer, its elements as raw contents hold them. */
export interface AnswerOutput {
  readonly name: string;
  readonly datatype: string;
  readonly raw: Uint8Array;
}

/** Field numbers of ModelInferResponse and of the messages in it. */
const RESPONSE = { outputs: 5, rawOutputContents: 6 } as const;
const OUTPUT = { name: 1, datatype: 2, contents: 5 } as const;
const CONTENTS = { bool: 1, int: 2, int64: 3, uint: 4, uint64: 5, fp32: 6, fp64: 7, bytes: 8 } as const;

/**
 * Outputs of a ModelInferResponse. Typed contents, as some servers answer, become what raw contents would hold.
 * @throws Error when the bytes are no such message.
 */
export function readInferAnswer(message: Uint8Array): AnswerOutput[] {
  const raws: Uint8Array[] = [];
  const heads: { name: string; datatype: string; contents: Uint8Array | undefined }[] = [];
  for (const { field, bytes } of fieldsOf(message)) {
    if (field === RESPONSE.rawOutputContents && bytes) raws.push(bytes);
    else if (field === RESPONSE.outputs && bytes) {
      const head = { name: '', datatype: '', contents: undefined as Uint8Array | undefined };
      for (const inner of fieldsOf(bytes)) {
        if (inner.bytes === undefined) continue;
        if (inner.field === OUTPUT.name) head.name = utf8(inner.bytes);
        else if (inner.field === OUTPUT.datatype) head.datatype = utf8(inner.bytes);
        else if (inner.field === OUTPUT.contents) head.contents = inner.bytes;
      }
      heads.push(head);
    }
  }
  return heads.map(({ name, datatype, contents }, i) => ({
    name,
    datatype,
    raw: raws[i] ?? (contents === undefined ? new Uint8Array(0) : rawFromTyped(contents, datatype)),
  }));
}

function utf8(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

interface Field {
  readonly field: number;
  /** Of a length-delimited field, and of a fixed-width one. */
  readonly bytes?: Uint8Array;
  /** Of a varint. */
  readonly value?: bigint;
}

function* fieldsOf(message: Uint8Array): Generator<Field> {
  const cursor = { at: 0 };
  while (cursor.at < message.length) {
    const key = Number(varint(message, cursor));
    const field = Math.floor(key / 8);
    const type = key % 8;
    if (type === 0) yield { field, value: varint(message, cursor) };
    else yield { field, bytes: slice(message, cursor, lengthOf(message, cursor, type)) };
  }
}

function lengthOf(message: Uint8Array, cursor: { at: number }, type: number): number {
  if (type === 2) return Number(varint(message, cursor));
  if (type === 1) return 8;
  if (type === 5) return 4;
  throw new Error(`the answer is no ModelInferResponse: wire type ${type}`);
}

function slice(message: Uint8Array, cursor: { at: number }, length: number): Uint8Array {
  const end = cursor.at + length;
  if (end > message.length) throw new Error('the answer is no ModelInferResponse: a field is cut short');
  const bytes = message.subarray(cursor.at, end);
  cursor.at = end;
  return bytes;
}

function varint(message: Uint8Array, cursor: { at: number }): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = message[cursor.at++];
    if (byte === undefined) throw new Error('the answer is no ModelInferResponse: a number is cut short');
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value;
  }
  throw new Error('the answer is no ModelInferResponse: a number is too long');
}

/** Bytes of one element of the integer datatypes that travel as varints. */
const INTEGER_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  INT8: 1,
  UINT8: 1,
  INT16: 2,
  UINT16: 2,
  INT32: 4,
  UINT32: 4,
  INT64: 8,
  UINT64: 8,
};

/** InferTensorContents as raw contents: packed floats are that already, integers are cut to their width. */
function rawFromTyped(contents: Uint8Array, datatype: string): Uint8Array {
  const parts: Uint8Array[] = [];
  const width = INTEGER_BYTES[datatype] ?? 8;
  for (const { field, bytes, value } of fieldsOf(contents)) {
    if (field === CONTENTS.bytes && bytes) {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      parts.push(length, bytes);
    } else if ((field === CONTENTS.fp32 || field === CONTENTS.fp64) && bytes) parts.push(bytes);
    else if (field >= CONTENTS.bool && field <= CONTENTS.uint64) {
      if (value !== undefined) parts.push(integerBytes(value, width));
      const cursor = { at: 0 };
      while (bytes !== undefined && cursor.at < bytes.length)
        parts.push(integerBytes(varint(bytes, cursor), width));
    }
  }
  return Buffer.concat(parts);
}

function integerBytes(value: bigint, width: number): Buffer {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt.asUintN(64, value));
  return out.subarray(0, width);
}
