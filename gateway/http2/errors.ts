import type { H2_ERROR } from './frames.js';

/** An error code of HTTP/2 (RFC 9113, section 7). */
export type H2ErrorCode = (typeof H2_ERROR)[keyof typeof H2_ERROR];

/** What ends the whole connection: the peer broke the protocol, or asks for more than a peer may. */
export class ConnectionError extends Error {
  readonly code: H2ErrorCode;

  constructor(code: H2ErrorCode, message: string) {
    super(message);
    this.name = 'ConnectionError';
    this.code = code;
  }
}

/** What ends one stream; the others go on. */
export class StreamError extends Error {
  readonly code: H2ErrorCode;
  readonly stream: number;

  constructor(code: H2ErrorCode, stream: number, message: string) {
    super(message);
    this.name = 'StreamError';
    this.code = code;
    this.stream = stream;
  }
}
