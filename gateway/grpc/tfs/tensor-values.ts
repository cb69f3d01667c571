import type { Datatype } from '../../core/datatype.js';
import type { Tensor } from '../../core/tensor.js';
import { varintSize } from '../wire-writer.js';
import { packVarints } from './pack-varints.js';
import { contentOfStrings } from './string-content.js';

/** How tensors are answered: in the list of their datatype, or as the bytes that they are. */
export type TensorEncoding = 'typed' | 'content';

/** The elements of a TensorProto as they are to be written: one length-delimited field, or fields that are complete. */
export interface TensorValues {
  /** Number of the field, below 16; 0 where `bytes` have their tags already. */
  readonly field: number;
  readonly bytes: Uint8Array;
}

const CONTENT = 4;

/** The list of each datatype whose elements are packed: see proto/tensorflow/core/framework/tensor.proto. */
const PACKED: Readonly<Partial<Record<Datatype, number>>> = {
  FP32: 5,
  FP64: 6,
  INT8: 7,
  UINT8: 7,
  INT16: 7,
  UINT16: 7,
  INT32: 7,
  INT64: 10,
  BOOL: 11,
  FP16: 13,
  BF16: 13,
  UINT32: 16,
  UINT64: 17,
};

/** The elements of an answer's tensor. Floats, and contents of all but texts, are the tensor's own bytes. */
export function tensorValues({ datatype, data }: Tensor, encoding: TensorEncoding): TensorValues {
  if (encoding === 'content')
    return { field: CONTENT, bytes: datatype === 'BYTES' ? contentOfStrings(data) : data };
  if (datatype === 'BYTES') return { field: 0, bytes: stringFields(data) };
  const field = PACKED[datatype] as number;
  if (field <= 6) return { field, bytes: data };
  const run = packVarints(datatype, data);
  return field < 16 || run.length === 0 ? { field, bytes: run } : { field: 0, bytes: tagged(field, run) };
}

/** A field with a number of 16 or more takes a tag of two bytes. */
function tagged(field: number, run: Uint8Array): Uint8Array {
  const head = [((field << 3) & 0x7f) | 2 | 0x80, field >>> 4];
  pushVarint(head, run.length);
  return Buffer.concat([Uint8Array.from(head), run]);
}

/** Each element, which has its length in 4 bytes in front, as one string_val. */
function stringFields(data: Uint8Array): Uint8Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let size = 0;
  for (let at = 0; at < data.length; ) {
    const length = view.getUint32(at, true);
    size += 1 + varintSize(length) + length;
    at += 4 + length;
  }
  const fields = Buffer.allocUnsafe(size);
  let pos = 0;
  for (let at = 0; at < data.length; ) {
    const length = view.getUint32(at, true);
    fields[pos++] = 0x42;
    for (let rest = length; ; rest = Math.floor(rest / 0x80)) {
      fields[pos++] = rest < 0x80 ? rest : (rest % 0x80) | 0x80;
      if (rest < 0x80) break;
    }
    fields.set(data.subarray(at + 4, at + 4 + length), pos);
    pos += length;
    at += 4 + length;
  }
  return fields;
}

function pushVarint(into: number[], value: number): void {
  for (let rest = value; ; rest = Math.floor(rest / 0x80)) {
    into.push(rest < 0x80 ? rest : (rest % 0x80) | 0x80);
    if (rest < 0x80) return;
  }
}
