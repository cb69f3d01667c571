import { malformed, type WireReader } from './wire-reader.js';

/** Bytes of the longest varint. */
const MAX_VARINT_BYTES = 10;

/**
 * Reads a packed run of varints, of which only the length is still ahead, as elements of `width` bytes (1: bool, 4, 8)
 * in the platform's order, which is little-endian: onnxruntime-node has no other. Blocks the event loop for as long as
 * it takes, 3 to 15 ns an element by its length, so elements are counted against what a message may cost (`WireReader.spend`).
 */
export function widenPacked(reader: WireReader, width: number): Uint8Array {
  const run = reader.bytes();
  if (run.length === 0) return new Uint8Array(0);
  // Once for all: from here every varint ends inside the run, and nothing need ask whether there are bytes left.
  if ((run[run.length - 1] as number) >= 0x80) throw malformed('it ends in the middle of a field');
  const count = countVarints(run);
  reader.spend(count);
  const bytes = new Uint8Array(count * width);
  if (width === 1) widenBools(run, bytes);
  else if (width === 4) widen32(run, new Int32Array(bytes.buffer));
  else widen64(run, new Int32Array(bytes.buffer));
  return bytes;
}

/** Bytes below 0x80 end a varint. Four at a time, where they are aligned. */
function countVarints(run: Uint8Array): number {
  let open = 0;
  let at = 0;
  for (; at < run.length && ((run.byteOffset + at) & 3) !== 0; at++) open += (run[at] as number) >>> 7;
  const words = new Uint32Array(run.buffer, (run.byteOffset + at) & ~3, (run.length - at) >> 2);
  // The four top bits, added up in the top byte.
  for (let i = 0; i < words.length; i++)
    open += Math.imul(((words[i] as number) >>> 7) & 0x01010101, 0x01010101) >>> 24;
  for (at += words.length * 4; at < run.length; at++) open += (run[at] as number) >>> 7;
  return run.length - open;
}

function widenBools(run: Uint8Array, into: Uint8Array): void {
  let pos = 0;
  for (let i = 0; i < into.length; i++) {
    const start = pos;
    let byte = run[pos++] as number;
    // The tenth byte of a varint has room for one bit: what is above it is beyond the 64 that count.
    let bits = byte & 0x7f;
    while (byte >= 0x80) {
      byte = run[pos++] as number;
      bits |= pos - start === MAX_VARINT_BYTES ? byte & 1 : byte & 0x7f;
    }
    if (pos - start > MAX_VARINT_BYTES) throw tooLong();
    into[i] = bits === 0 ? 0 : 1;
  }
}

/** The low 32 bits of each. */
function widen32(run: Uint8Array, into: Int32Array): void {
  let pos = 0;
  for (let i = 0; i < into.length; i++) {
    let byte = run[pos++] as number;
    let value = byte;
    if (byte >= 0x80) {
      const start = pos - 1;
      byte = run[pos++] as number;
      value = (value & 0x7f) | ((byte & 0x7f) << 7);
      for (let shift = 14; byte >= 0x80; shift += 7) {
        byte = run[pos++] as number;
        if (shift < 32) value |= (byte & 0x7f) << shift;
      }
      if (pos - start > MAX_VARINT_BYTES) throw tooLong();
    }
    into[i] = value;
  }
}

function widen64(run: Uint8Array, into: Int32Array): void {
  let pos = 0;
  for (let i = 0; i < into.length; i += 2) {
    let byte = run[pos++] as number;
    if (byte < 0x80) {
      into[i] = byte;
      continue;
    }
    const start = pos - 1;
    let lo = byte & 0x7f;
    for (let shift = 7; byte >= 0x80 && shift <= 21; shift += 7) {
      byte = run[pos++] as number;
      lo |= (byte & 0x7f) << shift;
    }
    let hi = 0;
    if (byte >= 0x80) {
      byte = run[pos++] as number;
      lo |= byte << 28;
      hi = (byte & 0x7f) >>> 4;
      for (let shift = 3; byte >= 0x80; shift += 7) {
        byte = run[pos++] as number;
        if (shift < 32) hi |= (byte & 0x7f) << shift;
      }
      if (pos - start > MAX_VARINT_BYTES) throw tooLong();
    }
    into[i] = lo;
    into[i + 1] = hi;
  }
}

function tooLong(): ReturnType<typeof malformed> {
  return malformed('a number takes more than ten bytes');
}
