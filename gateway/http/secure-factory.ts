import type { Server } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { FastifyServerFactory } from 'fastify';
import type { TlsIdentity } from '../core/tls.js';

/** Makes the server that Fastify listens with an encrypted one. It speaks HTTP/1.1, as the plain one does. */
export function secureFactory(tls: TlsIdentity, limits: ServerOptions): FastifyServerFactory {
  const { requestTimeout = 0 } = limits;
  return (handler) => {
    const server = createServer({ ...limits, ...tls.policy, handshakeTimeout: requestTimeout }, handler);
    tls.keep(server);
    // An HTTPS server has all of it; Fastify's type asks for the plain one.
    return server as unknown as Server;
  };
}
