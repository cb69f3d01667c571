import { DATATYPE_BYTES, type Datatype } from '../../core/datatype.js';

/** Reads one element of at most 32 bits, as a number whose lower 32 bits go on the wire. */
type ReadNarrow = (view: DataView, at: number) => number;

const signed8: ReadNarrow = (view, at) => view.getInt8(at);
const unsigned8: ReadNarrow = (view, at) => view.getUint8(at);
const unsigned16: ReadNarrow = (view, at) => view.getUint16(at, true);

/** The datatypes whose lists are varints of at most 32 bits. Half floats are their 16 bits. */
const NARROW: Readonly<Partial<Record<Datatype, ReadNarrow>>> = {
  INT8: signed8,
  INT16: (view, at) => view.getInt16(at, true),
  INT32: (view, at) => view.getInt32(at, true),
  UINT8: unsigned8,
  BOOL: unsigned8,
  UINT16: unsigned16,
  FP16: unsigned16,
  BF16: unsigned16,
  UINT32: (view, at) => view.getUint32(at, true),
};

/** Bytes of the longest varint. */
const MAX_VARINT_BYTES = 10;

/** The elements of a tensor, little-endian, as a run of varints. Throws for a datatype whose list has none: a bug. */
export function packVarints(datatype: Datatype, data: Uint8Array): Uint8Array {
  const read = NARROW[datatype];
  const width = DATATYPE_BYTES[datatype];
  if (read === undefined && datatype !== 'INT64' && datatype !== 'UINT64')
    throw new Error(`${datatype} does not travel as varints`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  // Most elements are small: room for them, and more when it is needed.
  let packed = Buffer.allocUnsafe(data.length + 2 * MAX_VARINT_BYTES);
  let pos = 0;
  for (let at = 0; at < data.length; at += width) {
    if (pos + MAX_VARINT_BYTES > packed.length) {
      const larger = Buffer.allocUnsafe(packed.length * 2);
      packed.copy(larger, 0, 0, pos);
      packed = larger;
    }
    let lo: number;
    let hi: number;
    if (read === undefined) {
      lo = view.getInt32(at, true);
      hi = view.getInt32(at + 4, true);
    } else {
      lo = read(view, at);
      // Negative numbers are sign-extended to 64 bits.
      hi = lo < 0 ? -1 : 0;
    }
    while (hi !== 0 || lo >>> 0 > 0x7f) {
      packed[pos++] = (lo & 0x7f) | 0x80;
      lo = (lo >>> 7) | (hi << 25);
      hi >>>= 7;
    }
    packed[pos++] = lo;
  }
  return packed.subarray(0, pos);
}
