import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { GatewayError, quote } from '../../core/error.js';
import type { HttpCall } from './http-calls.js';
import { HttpFault } from './http-fault.js';

const UNPACK = { gzip: promisify(gunzip), 'x-gzip': promisify(gunzip), deflate: promisify(inflate) } as const;

/**
 * Reads a request's body as a whole, unpacked where it is compressed. Throws 413 for more than `maxBytes`, packed or not, 415 for an encoding
 * that is not known, INVALID_ARGUMENT for one that is damaged, UNAVAILABLE where there is no room.
 */
export async function readBody(
  payload: Readable,
  encoding: string | undefined,
  call: HttpCall,
  maxBytes: number,
): Promise<Buffer> {
  const packed = await collect(payload, call, maxBytes);
  const name = (encoding ?? 'identity').trim().toLowerCase();
  if (name === 'identity' || name === '') return packed;
  if (!Object.hasOwn(UNPACK, name))
    throw new HttpFault(
      415,
      `content-encoding ${quote(name, 40)} is not known: wanted gzip, deflate or none`,
    );
  try {
    const body = await UNPACK[name as keyof typeof UNPACK](packed, { maxOutputLength: maxBytes });
    call.hold(body.length);
    return body;
  } catch (error) {
    if (error instanceof GatewayError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw new GatewayError('INVALID_ARGUMENT', `the body is no ${name}, or damaged`, {
      reason: 'bad_request',
    });
  }
}

/** By events: an iteration that is left destroys the stream, and with it the connection that the refusal is to go out on. */
function collect(payload: Readable, call: HttpCall, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      payload.off('data', take);
      payload.resume();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      try {
        if (length > maxBytes) throw tooLarge(maxBytes);
        call.hold(chunk.length);
        chunks.push(chunk);
      } catch (error) {
        fail(error as Error);
      }
    };
    payload.on('data', take);
    payload.once('end', () =>
      resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, length)),
    );
    payload.once('error', fail);
    payload.once('close', () =>
      fail(new GatewayError('CANCELLED', 'the client has left', { reason: 'cancelled' })),
    );
  });
}

function tooLarge(maxBytes: number): HttpFault {
  return new HttpFault(413, `the body is larger than ${maxBytes} bytes (http.maxBodyBytes)`);
}
