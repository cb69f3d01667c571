import type { FastifyRequest } from 'fastify';

const EMPTY = Buffer.alloc(0);

/** What the parser has read of a request; empty where there was no body. */
export function bodyOf({ body }: FastifyRequest): Buffer {
  return Buffer.isBuffer(body) ? body : EMPTY;
}
