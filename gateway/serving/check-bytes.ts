import { isUtf8 } from 'node:buffer';
import { quote } from '../core/error.js';

const PREFIX_BYTES = 4;

/** Elements up to this long are looked through byte by byte: cheaper than a view and a call for each. */
const SHORT_BYTES = 64;

/**
 * What is wrong with the data of a BYTES input of `count` elements, each a 4-byte little-endian length and that many
 * bytes of UTF-8; undefined when nothing is. The message names the element. An `opaque` input's elements may be any bytes.
 *
 * A NUL or invalid UTF-8 is refused because the runtime cuts a string at the one and mangles the other without a word
 * (measured with onnxruntime-node 1.30). Reads each byte at most once, whatever `count` says.
 */
export function bytesFault(
  data: Uint8Array,
  count: number,
  input: string,
  model: string,
  opaque = false,
): string | undefined {
  const subject = () => `for inference input ${quote(input)} for model '${model}'`;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  let index = 0;
  for (; at < data.length; index++) {
    if (index >= count)
      return `unexpected number of string elements ${index + 1} ${subject()}, expecting ${count}`;
    const left = data.length - at - PREFIX_BYTES;
    if (left < 0)
      return (
        `incomplete string length indicator ${subject()}, expecting ${PREFIX_BYTES} bytes but only ` +
        `${data.length - at} bytes available, at element ${index}`
      );
    const length = view.getUint32(at, true);
    if (length > left)
      return (
        `incomplete string data ${subject()}, expecting string of length ${length} but only ${left} bytes ` +
        `available, at element ${index}`
      );
    const fault = opaque ? undefined : textFault(data, at + PREFIX_BYTES, length);
    if (fault !== undefined) return `element ${index} ${subject()} ${fault}`;
    at += PREFIX_BYTES + length;
  }
  return index === count ? undefined : `expected ${count} string elements ${subject()}, got ${index}`;
}

function textFault(data: Uint8Array, start: number, length: number): string | undefined {
  const end = start + length;
  if (length <= SHORT_BYTES) {
    let at = start;
    // ASCII without NUL: what nearly all strings are.
    while (at < end && ((data[at] as number) - 1) >>> 0 < 0x7f) at++;
    if (at === end) return undefined;
  }
  const text = data.subarray(start, end);
  const nul = text.indexOf(0);
  if (nul >= 0) return `has a NUL byte at offset ${nul}, where the runtime would cut it`;
  return isUtf8(text) ? undefined : 'is not valid UTF-8, which the runtime needs';
}

/**
 * Index of the first byte of a BOOL tensor that is neither 0 nor 1; -1 when there is none. Such a byte is a `bool` of C++ that
 * no compiler allows for: kernels may answer to it what they like (`Not` of 2 is 3), and other bytes for other callers.
 */
export function foreignBool(data: Uint8Array): number {
  const { buffer, byteOffset, length } = data;
  if (length < SHORT_BYTES) return firstForeign(data, 0, length);
  // Four at a time, where they are aligned: 60 MB take 15 ms.
  const head = -byteOffset & 3;
  const words = new Uint32Array(buffer, byteOffset + head, (length - head) >> 2);
  let at = firstForeign(data, 0, head);
  if (at >= 0) return at;
  for (let word = 0; word < words.length; word++) {
    if (((words[word] as number) & 0xfefefefe) === 0) continue;
    at = head + word * 4;
    return firstForeign(data, at, at + 4);
  }
  return firstForeign(data, head + words.length * 4, length);
}

function firstForeign(data: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) if ((data[at] as number) > 1) return at;
  return -1;
}
