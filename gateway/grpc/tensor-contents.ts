import type { Datatype } from '../core/datatype.js';
import { GatewayError, quote } from '../core/error.js';
import { ByteSink } from './byte-sink.js';
import { widenPacked } from './widen-varints.js';
import { malformed, type WireReader } from './wire-reader.js';

/** The fields of InferTensorContents by number: the datatype whose elements they carry, and their size in bytes. */
const FIELDS = [
  undefined,
  { datatype: 'BOOL', bytes: 1 },
  { datatype: 'INT32', bytes: 4 },
  { datatype: 'INT64', bytes: 8 },
  { datatype: 'UINT32', bytes: 4 },
  { datatype: 'UINT64', bytes: 8 },
  { datatype: 'FP32', bytes: 4 },
  { datatype: 'FP64', bytes: 8 },
  { datatype: 'BYTES', bytes: 0 },
] as const;

/** The field in which each datatype travels; 0 for those that only raw contents can carry. */
const FIELD_OF: Readonly<Record<Datatype, number>> = {
  BOOL: 1,
  INT8: 2,
  INT16: 2,
  INT32: 2,
  INT64: 3,
  UINT8: 4,
  UINT16: 4,
  UINT32: 4,
  UINT64: 5,
  FP16: 0,
  BF16: 0,
  FP32: 6,
  FP64: 7,
  BYTES: 8,
};

/** What an occurrence of a field costs beyond its tag (see `WireReader.spend`): a view, and maybe a copy. */
const PIECE_COST = 8;

/** Ranges of the datatypes that travel in a wider field. */
const NARROW: Readonly<Partial<Record<Datatype, { min: number; max: number; bytes: 1 | 2 }>>> = {
  INT8: { min: -128, max: 127, bytes: 1 },
  INT16: { min: -32768, max: 32767, bytes: 2 },
  UINT8: { min: 0, max: 255, bytes: 1 },
  UINT16: { min: 0, max: 65535, bytes: 2 },
};

/**
 * An InferTensorContents message as raw little-endian bytes, field by field: which field counts is known only when
 * the input's datatype is. Packed floats stay views on the message; what the wire packs as varints is widened here.
 */
export class TensorContents {
  readonly #sinks: (ByteSink | undefined)[] = [];

  /** Reads one occurrence of the message, up to the reader's end. A later one appends, as protobuf merges. */
  read(reader: WireReader): void {
    while (reader.more) {
      reader.spend(PIECE_COST);
      const tag = reader.tag();
      const field = tag >>> 3;
      const type = tag & 7;
      const spec = FIELDS[field];
      if (spec === undefined) {
        reader.skipUnknown(tag, FIELDS.length - 1);
        continue;
      }
      let sink = this.#sinks[field];
      if (sink === undefined) {
        sink = new ByteSink();
        this.#sinks[field] = sink;
      }
      if (spec.datatype === 'BYTES' && type === 2) sink.addPrefixed(reader.bytes());
      else if (field <= 5 && type === 2) sink.add(widenPacked(reader, spec.bytes));
      else if (field <= 5 && type === 0) widenOne(reader, spec.bytes, sink);
      else if ((field === 6 || field === 7) && type === 2) sink.add(fixedPacked(reader, spec.bytes));
      else if ((field === 6 && type === 5) || (field === 7 && type === 1)) sink.add(reader.fixed(spec.bytes));
      else reader.skipUnknown(tag, FIELDS.length - 1);
    }
  }

  /** The bytes of a tensor of this datatype. Throws INVALID_ARGUMENT when the contents are of another one. */
  finish(input: string, datatype: Datatype, model: string): Uint8Array {
    const wanted = FIELD_OF[datatype];
    if (wanted === 0) {
      throw new GatewayError(
        'INVALID_ARGUMENT',
        `inference input ${quote(input)} for model ${quote(model)} has data-type ${datatype}, which can be sent in raw_input_contents only`,
        { reason: 'bad_request', field: 'inputs.contents' },
      );
    }
    for (const [field, sink] of this.#sinks.entries()) {
      if (sink === undefined || field === wanted || sink.finish().length === 0) continue;
      // Worded as Triton's: clients search for it.
      throw new GatewayError(
        'INVALID_ARGUMENT',
        `unexpected explicit tensor data for input tensor ${quote(input)} for model ${quote(model)} of type '${FIELDS[field]?.datatype}', expected datatype '${datatype}'`,
        { reason: 'bad_request', field: 'inputs.contents' },
      );
    }
    const bytes = this.#sinks[wanted]?.finish() ?? new Uint8Array(0);
    return NARROW[datatype] === undefined ? bytes : narrow(bytes, datatype, input);
  }
}

/** Reads a varint that is not packed as one element of `width` bytes (1: bool, 4, 8). */
export function widenOne(reader: WireReader, width: number, sink: ByteSink): void {
  reader.varint();
  const at = sink.reserve(width);
  if (width === 1) sink.buffer[at] = (reader.lo | reader.hi) === 0 ? 0 : 1;
  else sink.buffer.writeInt32LE(reader.lo, at);
  if (width === 8) sink.buffer.writeInt32LE(reader.hi, at + 4);
}

/** Reads a packed run of elements of `width` bytes as a view. */
export function fixedPacked(reader: WireReader, width: number): Uint8Array {
  const view = reader.bytes();
  if (view.length % width !== 0) throw malformed('a packed field ends in the middle of an element');
  return view;
}

/** 32-bit elements as the 8 or 16 bits that the datatype has; INVALID_ARGUMENT when one does not fit. */
export function narrow(wide: Uint8Array, datatype: Datatype, input: string): Uint8Array {
  const { min, max, bytes } = NARROW[datatype] as { min: number; max: number; bytes: 1 | 2 };
  // What came in one piece is aligned: it was widened into a buffer of its own.
  const { buffer, byteOffset } = wide.byteOffset % 4 === 0 ? wide : Uint8Array.from(wide);
  const count = wide.length / 4;
  const ArrayType = min < 0 ? Int32Array : Uint32Array;
  const source = new ArrayType(buffer as ArrayBuffer, byteOffset, count);
  const result = new Uint8Array(count * bytes);
  for (let i = 0; i < count; i++) {
    const value = source[i] as number;
    if (value < min || value > max) {
      throw new GatewayError(
        'INVALID_ARGUMENT',
        `inference input ${quote(input)} has the element ${value} at index ${i}, which data-type ${datatype} cannot hold (${min} to ${max})`,
        { reason: 'bad_request', field: 'inputs.contents' },
      );
    }
    result[i * bytes] = value;
    if (bytes === 2) result[i * 2 + 1] = value >> 8;
  }
  return result;
}
