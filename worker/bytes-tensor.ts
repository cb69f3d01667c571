import { GatewayError, quote } from '../gateway/core/error.js';

/** A BYTES tensor's two forms: length-prefixed elements on the wire, strings in the runtime. */

const PREFIX_BYTES = 4;
// A byte order mark is part of the text.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The elements of a BYTES tensor. Throws INVALID_ARGUMENT naming the element that is cut short, is not UTF-8 or holds a
 * NUL, which the runtime would silently mangle, and when there are not exactly `count` of them.
 */
export function decodeStrings(name: string, data: Uint8Array, count: number): string[] {
  // At least a prefix each: before anything is allocated by the shape's word alone.
  if (count * PREFIX_BYTES > data.byteLength) throw refuse(name, `has fewer than ${count} elements`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const strings = new Array<string>(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + PREFIX_BYTES > data.byteLength) throw refuse(name, `ends before element ${i} of ${count}`);
    const start = at + PREFIX_BYTES;
    const end = start + view.getUint32(at, true);
    if (end > data.byteLength) throw refuse(name, `has an element ${i} longer than the bytes that are left`);
    strings[i] = decodeOne(name, data, start, end, i);
    at = end;
  }
  if (at !== data.byteLength)
    throw refuse(name, `has ${data.byteLength - at} bytes more than its ${count} elements`);
  return strings;
}

function decodeOne(name: string, data: Uint8Array, start: number, end: number, index: number): string {
  const bytes = data.subarray(start, end);
  if (bytes.includes(0))
    throw refuse(name, `has a NUL byte in element ${index}, which the runtime cannot take`);
  try {
    return decoder.decode(bytes);
  } catch {
    throw refuse(name, `has an element ${index} that is not valid UTF-8`);
  }
}

/** Elements with their length prefixes, in one buffer of its own. */
export function encodeStrings(strings: readonly string[]): Uint8Array<ArrayBuffer> {
  let total = 0;
  for (const text of strings) total += PREFIX_BYTES + Buffer.byteLength(text, 'utf8');
  const bytes = new Uint8Array(total);
  const buffer = Buffer.from(bytes.buffer);
  let at = 0;
  for (const text of strings) {
    const length = buffer.write(text, at + PREFIX_BYTES, 'utf8');
    buffer.writeUInt32LE(length, at);
    at += PREFIX_BYTES + length;
  }
  return bytes;
}

function refuse(name: string, problem: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', `BYTES input ${quote(name)} ${problem}`, {
    reason: 'bad_request',
  });
}
