import type { Message } from '../../gateway/core/transport.js';

/** An answer as the bytes that it puts on the wire. */
export function messageBytes(message: Message): Buffer {
  // Filled, so that a byte that was left out shows.
  const bytes = Buffer.alloc(message.byteLength, 0xaa);
  message.copy(bytes, 0);
  return bytes;
}
