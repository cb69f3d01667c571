import { gunzip, inflate } from 'node:zlib';
import { GatewayError } from '../core/error.js';

/** Unpacks a message. Rejects: RESOURCE_EXHAUSTED when it is larger than `maxBytes` unpacked, INTERNAL when it is broken. */
export function unpack(message: Buffer, encoding: string, maxBytes: number): Promise<Buffer> {
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
