/**
 * The texts of a DT_STRING's tensor_content, the lengths of all as varints and then the texts of all, as a BYTES tensor has them: each
 * with its length, 4 bytes, in front. Undefined where the bytes are not `count` texts and nothing else.
 */
export function stringsOfContent(content: Uint8Array, count: number): Uint8Array | undefined {
  // A length takes a byte at least.
  if (count > content.length) return undefined;
  const lengths = new Uint32Array(count);
  let pos = 0;
  let total = 0;
  for (let i = 0; i < count; i++) {
    let length = 0;
    let byte: number | undefined;
    let shift = 1;
    do {
      byte = content[pos++];
      // Beyond any message.
      if (byte === undefined || shift > 2 ** 28) return undefined;
      length += (byte & 0x7f) * shift;
      shift *= 0x80;
    } while (byte >= 0x80);
    total += length;
    if (length > content.length || total > content.length) return undefined;
    lengths[i] = length;
  }
  if (pos + total !== content.length) return undefined;
  const strings = Buffer.allocUnsafe(count * 4 + total);
  let at = 0;
  for (const length of lengths) {
    strings.writeUInt32LE(length, at);
    strings.set(content.subarray(pos, pos + length), at + 4);
    at += 4 + length;
    pos += length;
  }
  return strings;
}

/** The other way: a BYTES tensor's elements, each with its length in front, as TensorFlow writes them into tensor_content. */
export function contentOfStrings(data: Uint8Array): Uint8Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const heads: number[] = [];
  const texts: Uint8Array[] = [];
  for (let at = 0; at < data.length; ) {
    const length = view.getUint32(at, true);
    for (let rest = length; ; rest = Math.floor(rest / 0x80)) {
      heads.push(rest < 0x80 ? rest : (rest % 0x80) | 0x80);
      if (rest < 0x80) break;
    }
    texts.push(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return Buffer.concat([Uint8Array.from(heads), ...texts]);
}
