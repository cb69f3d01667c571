import { gunzip, inflate } from 'node:zlib';
import { GatewayError } from '../core/error.js';

/** Messages that are unpacked at a time, of all calls together: a bomb takes its limit of memory before it is known for one. */
const AT_ONCE = 4;

/** Unpacks messages, a few at a time and first come first served. */
export class Unpacker {
  readonly #maxBytes: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** @param maxBytes largest message, unpacked */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Messages that are being unpacked now. */
  get running(): number {
    return this.#running;
  }

  /**
   * Resolves to the message, or to undefined when nobody `wants` it any more by the time of its turn. Rejects with
   * RESOURCE_EXHAUSTED when it is larger than the limit, INTERNAL when it is broken.
   */
  async unpack(message: Buffer, encoding: string, wants: () => boolean): Promise<Buffer | undefined> {
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return wants() ? await unpack(message, encoding, this.#maxBytes) : undefined;
    } finally {
      // The place goes to the next in line, or is free again.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** Rejects: RESOURCE_EXHAUSTED when it is larger than `maxBytes` unpacked, INTERNAL when it is broken. */
function unpack(message: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // zlib wants at least one byte; a message that may have none is refused with the same text.
    const options = { maxOutputLength: Math.max(1, maxBytes) };
    const done = (error: (Error & { code?: string }) | null, unpacked: Buffer): void => {
      if (error === null) resolve(unpacked);
      else if (error.code === 'ERR_BUFFER_TOO_LARGE')
        reject(
          new GatewayError(
            'RESOURCE_EXHAUSTED',
            `Received message that decompresses to a size larger than ${maxBytes}`,
            {
              reason: 'bad_request',
            },
          ),
        );
      else reject(new GatewayError('INTERNAL', `the message is no ${encoding}`, { reason: 'bad_request' }));
    };
    if (encoding === 'gzip') gunzip(message, options, done);
    else inflate(message, options, done);
  });
}
