import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { FastifyServerFactory } from 'fastify';
import type { TlsIdentity } from '../core/tls.js';

/** Sees requests before Fastify does. */
export interface FirstListener {
  /** Whether it answers the request; if not, Fastify does. */
  take(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Makes the server that Fastify listens with: HTTP/1.1, encrypted with `tls`. */
export function serverFactory(
  limits: ServerOptions,
  tls?: TlsIdentity,
  first?: FirstListener,
): FastifyServerFactory {
  return (handler) => {
    const listener = (request: IncomingMessage, response: ServerResponse): void => {
      if (first === undefined || !first.take(request, response)) handler(request, response);
    };
    if (tls === undefined) return createServer(limits, listener);
    const { requestTimeout = 0 } = limits;
    const secured = { ...limits, ...tls.policy, handshakeTimeout: requestTimeout };
    const server = createSecureServer(secured, listener);
    tls.keep(server);
    // An HTTPS server has all of it; Fastify's type asks for the plain one.
    return server as unknown as Server;
  };
}
