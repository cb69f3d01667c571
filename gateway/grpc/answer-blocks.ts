import { encodeHeaders } from '../http2/hpack-encode.js';
import type { CallEnd } from './status.js';

/** Header blocks of answers; most are the same every time. */

const HEAD_FIELDS: readonly (readonly [string, string])[] = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
];

/** What begins every answer with a message. */
export const ANSWER_HEAD = encodeHeaders(HEAD_FIELDS);

/** What ends an answer that is well. */
export const TRAILERS_OK = encodeHeaders([['grpc-status', '0']]);

/** The trailer that tells a call its timeline. */
export const TIMELINE = 'sluice-timeline';

/** TRAILERS_OK of a call that is told its timeline. */
export function trailersWith(timeline: string): Buffer {
  return encodeHeaders([
    ['grpc-status', '0'],
    [TIMELINE, timeline],
  ]);
}

/** Trailers of a call that failed; with `alone` they are all that is sent, and begin as an answer does. */
export function errorTrailers({ code, message, trailers }: CallEnd, alone: boolean): Buffer {
  const fields: [string, string][] = [['grpc-status', String(code)]];
  if (message !== '') fields.push(['grpc-message', percentEncode(message)]);
  for (const [name, value] of trailers)
    fields.push([name, typeof value === 'string' ? value : value.toString('base64').replace(/=+$/, '')]);
  return encodeHeaders(alone ? [...HEAD_FIELDS, ...fields] : fields);
}

/** An answer in HTTP's terms to what is no gRPC. */
export function httpError(status: number): Buffer {
  return encodeHeaders([
    [':status', String(status)],
    ['content-length', '0'],
    ...(status === 405 ? ([['allow', 'POST']] as const) : []),
  ]);
}

/**
 * `grpc-message` as the protocol wants it: UTF-8, with all but printable ASCII as %XX; so is a space at an end, where HTTP/2 allows none
 * (RFC 9113, 8.2.1) and clients drop the field.
 */
export function percentEncode(text: string): string {
  if (/^(?! )[ -$&-~]*(?<! )$/.test(text)) return text;
  let encoded = '';
  const bytes = Buffer.from(text, 'utf8');
  const last = bytes.length - 1;
  for (const [at, byte] of bytes.entries()) {
    const outer = byte === 0x20 && (at === 0 || at === last);
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25 && !outer;
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
