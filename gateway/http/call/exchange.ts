import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { CallTrace } from '../../core/call-trace.js';
import type { HttpCall } from './http-calls.js';

/** A request that does work, as its handlers see it, whoever has routed it: each of Fastify's is one. */
export interface HttpExchange {
  readonly headers: IncomingHttpHeaders;
  readonly raw: { readonly socket: Socket };
  /** What is held for it, and whether its client has left. */
  readonly work: HttpCall;
  /** Where what becomes of it is noted; undefined where nobody traces it. */
  readonly trace: CallTrace | undefined;
}
