import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { quote } from '../core/error.js';

const MAX_NAME = 64;

/** Who is at the other end, for logs: `unix`, or address and port; with the name in the certificate where one was asked for and is good. */
export function peerOf(socket: Socket): string {
  const { remoteAddress = 'unix', remotePort } = socket;
  const host = remoteAddress.includes(':') ? `[${remoteAddress}]` : remoteAddress;
  const place = remotePort === undefined ? host : `${host}:${remotePort}`;
  if (!(socket instanceof TLSSocket && socket.authorized)) return place;
  // Undefined, whatever the types say, where the subject has none.
  const name: unknown = socket.getPeerCertificate().subject?.CN;
  return typeof name === 'string' ? `${place} as ${quote(name, MAX_NAME)}` : place;
}
