import { GatewayError } from '../core/error.js';
import type { Message } from '../core/transport.js';
import type { Body } from '../http2/stream.js';
import { PREFIX_BYTES } from './message-reader.js';

/** A message behind its prefix: not compressed, and so long (doc/PROTOCOL-HTTP2.md of github.com/grpc/grpc). */
export class Framed implements Body {
  readonly byteLength: number;
  readonly #message: Message;

  /** Throws RESOURCE_EXHAUSTED for a message of more than `maxBytes`. */
  constructor(message: Message, maxBytes: number) {
    if (message.byteLength > maxBytes) {
      const text = `Sent message larger than max (${message.byteLength} vs. ${maxBytes})`;
      throw new GatewayError('RESOURCE_EXHAUSTED', text);
    }
    this.#message = message;
    this.byteLength = PREFIX_BYTES + message.byteLength;
  }

  copy(target: Buffer, offset: number): void {
    target[offset] = 0;
    target.writeUInt32BE(this.#message.byteLength, offset + 1);
    this.#message.copy(target, offset + PREFIX_BYTES);
  }
}
