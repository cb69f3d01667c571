import { DATATYPE_BYTES, type Datatype } from '../../core/datatype.js';

/** Reads one element as the lower and the upper 32 bits of the 64 that go on the wire: signed ones are sign-extended. */
type Halves = (view: DataView, at: number) => readonly [lo: number, hi: number];

const signed = (value: number): readonly [number, number] => [value, value < 0 ? -1 : 0];

/** The datatypes whose lists are varints. Half floats are their 16 bits. */
const READ: Readonly<Partial<Record<Datatype, Halves>>> = {
  INT8: (view, at) => signed(view.getInt8(at)),
  INT16: (view, at) => signed(view.getInt16(at, true)),
  INT32: (view, at) => signed(view.getInt32(at, true)),
  INT64: (view, at) => [view.getInt32(at, true), view.getInt32(at + 4, true)],
  UINT64: (view, at) => [view.getInt32(at, true), view.getInt32(at + 4, true)],
  UINT8: (view, at) => [view.getUint8(at), 0],
  BOOL: (view, at) => [view.getUint8(at), 0],
  UINT16: (view, at) => [view.getUint16(at, true), 0],
  FP16: (view, at) => [view.getUint16(at, true), 0],
  BF16: (view, at) => [view.getUint16(at, true), 0],
  UINT32: (view, at) => [view.getInt32(at, true), 0],
};

/** The elements of a tensor, little-endian, as a run of varints. Throws for a datatype whose list has none: a bug. */
export function packVarints(datatype: Datatype, data: Uint8Array): Uint8Array {
  const read = READ[datatype];
  if (read === undefined) throw new Error(`${datatype} does not travel as varints`);
  const width = DATATYPE_BYTES[datatype];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  // Most elements are small: room for them, and more when it is needed.
  let packed = Buffer.allocUnsafe(data.length + 16);
  let pos = 0;
  for (let at = 0; at < data.length; at += width) {
    if (pos + 10 > packed.length) {
      const larger = Buffer.allocUnsafe(packed.length * 2);
      packed.copy(larger, 0, 0, pos);
      packed = larger;
    }
    let [lo, hi] = read(view, at);
    while (hi !== 0 || lo >>> 0 > 0x7f) {
      packed[pos++] = (lo & 0x7f) | 0x80;
      lo = (lo >>> 7) | (hi << 25);
      hi >>>= 7;
    }
    packed[pos++] = lo;
  }
  return packed.subarray(0, pos);
}
