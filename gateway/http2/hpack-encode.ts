import { STATIC_TABLE } from './hpack-static.js';

/**
 * Header blocks (RFC 7541) of fields of the static table by number, and of everything else as literals that are never
 * indexed and not Huffman-coded. Such a block depends on nothing sent before it, so it can be made once and sent for ever.
 */

const WHOLE = new Map<string, number>();
const NAMES = new Map<string, number>();
for (const [at, [name, value]] of STATIC_TABLE.entries()) {
  if (value !== '') WHOLE.set(`${name}: ${value}`, at + 1);
  if (!NAMES.has(name)) NAMES.set(name, at + 1);
}

/** A number with an n-bit prefix (section 5.1); `pattern` is what stands in the bits before it. */
export function encodeInteger(value: number, prefixBits: number, pattern: number): number[] {
  const most = 2 ** prefixBits - 1;
  if (value < most) return [pattern | value];
  const bytes = [pattern | most];
  let rest = value - most;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** Text whose characters are the bytes: much cheaper to put together than buffers are. */
const asText = (bytes: readonly number[]): string => String.fromCharCode(...bytes);

const stringText = (text: string): string => asText(encodeInteger(text.length, 7, 0)) + text;

/** What comes before the value of a field whose value is no static entry's. */
function nameText(name: string): string {
  const index = NAMES.get(name);
  return asText(encodeInteger(index ?? 0, 4, 0x10)) + (index === undefined ? stringText(name) : '');
}

/** One header field. Text is taken as latin1. */
function fieldText(name: string, value: string): string {
  const whole = WHOLE.get(`${name}: ${value}`);
  return whole === undefined ? nameText(name) + stringText(value) : asText([0x80 | whole]);
}

/** A whole header block; the value of its last field is its last bytes. */
export function encodeHeaders(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  let block = '';
  for (const [name, value] of fields) block += fieldText(name, value);
  return Buffer.from(block, 'latin1');
}
