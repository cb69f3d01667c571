import type { Readable } from 'node:stream';
import { gunzip, inflate } from 'node:zlib';
import { GatewayError, quote } from '../../core/error.js';
import type { HttpCall } from './http-calls.js';
import { HttpFault } from './http-fault.js';

/** Called once, with the whole body or with why there is none. */
type Done = (error: Error | null, body?: Buffer) => void;

const UNPACK = { gzip: gunzip, 'x-gzip': gunzip, deflate: inflate } as const;

/**
 * Reads a request's body as a whole, unpacked where it is compressed. Fails with 413 for more than `maxBytes`, packed or not, 415 for an
 * encoding that is not known, INVALID_ARGUMENT for one that is damaged, UNAVAILABLE where there is no room. With a callback, for it is on
 * the way of every request.
 */
export function readBody(
  payload: Readable,
  encoding: string | undefined,
  call: HttpCall,
  maxBytes: number,
  done: Done,
): void {
  if (encoding === undefined || encoding === 'identity') collect(payload, call, maxBytes, done);
  else
    collect(payload, call, maxBytes, (error, packed = EMPTY) => {
      if (error === null) unpack(packed, encoding.trim().toLowerCase(), call, maxBytes, done);
      else done(error);
    });
}

const EMPTY = Buffer.alloc(0);

function unpack(packed: Buffer, encoding: string, call: HttpCall, maxBytes: number, done: Done): void {
  if (!Object.hasOwn(UNPACK, encoding)) {
    done(
      new HttpFault(
        415,
        `content-encoding ${quote(encoding, 40)} is not known: wanted gzip, deflate or none`,
      ),
    );
    return;
  }
  UNPACK[encoding as keyof typeof UNPACK](packed, { maxOutputLength: maxBytes }, (error, body) => {
    if (error !== null) {
      const large = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
      const damaged = `the body is no ${encoding}, or damaged`;
      done(
        large ? tooLarge(maxBytes) : new GatewayError('INVALID_ARGUMENT', damaged, { reason: 'bad_request' }),
      );
      return;
    }
    try {
      call.hold(body.length);
      done(null, body);
    } catch (full) {
      done(full as Error);
    }
  });
}

/** By events: an iteration that is left destroys the stream, and with it the connection that the refusal is to go out on. */
function collect(payload: Readable, call: HttpCall, maxBytes: number, done: Done): void {
  const chunks: Buffer[] = [];
  let length = 0;
  let over = false;
  const end = (error: Error | null): void => {
    if (over) return;
    over = true;
    if (error === null) done(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length));
    else done(error);
  };
  payload.on('data', (chunk: Buffer) => {
    // What follows a refusal is read, so that it can be sent, and let go.
    if (over) return;
    length += chunk.length;
    try {
      if (length > maxBytes) throw tooLarge(maxBytes);
      call.hold(chunk.length);
      chunks.push(chunk);
    } catch (error) {
      end(error as Error);
    }
  });
  payload.on('end', () => end(null));
  // A client that leaves before its request is whole is one.
  payload.on('error', end);
}

function tooLarge(maxBytes: number): HttpFault {
  return new HttpFault(413, `the body is larger than ${maxBytes} bytes (http.maxBodyBytes)`);
}
