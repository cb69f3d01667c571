import type { Socket } from 'node:net';

/** Largest head of a request. */
export const MAX_HEADER_BYTES = 16 * 1024;

/** Answers what never became a request, and closes. */
export function clientError(error: { readonly code: string }, socket: Socket): void {
  // After a handshake that failed there is nobody to be understood.
  const deaf = error.code === 'ECONNRESET' || /^ERR_(?:SSL|TLS)_/.test(error.code);
  if (deaf || !socket.writable) socket.destroy();
  else socket.end(rawError(error.code));
}

/** An answer to what never became a request. */
function rawError(code: string): string {
  const [status, error] =
    code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', `the headers are larger than ${MAX_HEADER_BYTES} bytes`]
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'the request did not arrive in time']
        : ['400 Bad Request', 'this is not an HTTP/1.1 request'];
  const body = JSON.stringify({ error });
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}
