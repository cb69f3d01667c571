import type { IncomingHttpHeaders } from 'node:http';
import { constants, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { InferTiming } from '../../core/infer-call.js';
import { requestIdOf } from './call-context.js';

/** Smaller answers are sent as they are: they fit a packet or two. */
const LEAST_PACKED_BYTES = 1400;
/** Whoever sends it wants to be told where the time went. */
const TIMING_REQUEST_HEADER = 'sluice-server-timing';
/** An answer that has it is cut by its receiver at a byte of it: it is not packed. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

/** What every answer of a route carries: its request's id, and its body compressed for those who want that. */
export function addResponseHeaders(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const id = requestIdOf(request.headers);
    if (id !== '') void reply.header('x-request-id', id);
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : undefined;
    if (bytes === undefined || !variesByEncoding(bytes)) {
      done(null, payload);
      return;
    }
    const { vary } = reply.getHeaders();
    void reply.header('vary', vary === undefined ? 'accept-encoding' : `${vary}, accept-encoding`);
    if (!takesGzip(request.headers) || reply.hasHeader(JSON_LENGTH_HEADER)) {
      done(null, payload);
      return;
    }
    pack(bytes, (packed) => {
      if (packed !== undefined)
        void reply.header('content-encoding', 'gzip').header('content-length', packed.length);
      done(null, packed ?? payload);
    });
  });
}

/** Whether a body is large enough for it to matter to whom it goes. */
export function variesByEncoding({ length }: string | Buffer): boolean {
  return length >= LEAST_PACKED_BYTES;
}

/** Compresses a body; undefined where that fails. */
export function pack(body: string | Buffer, done: (packed: Buffer | undefined) => void): void {
  gzip(body, { level: constants.Z_BEST_SPEED }, (error, packed) => done(error === null ? packed : undefined));
}

/** Whether the client takes a compressed answer (RFC 9110, 12.5.3). */
export function takesGzip(headers: IncomingHttpHeaders): boolean {
  const accepted = headers['accept-encoding'];
  if (accepted === undefined) return false;
  const [, quality] = /(?:^|[\s,])gzip\s*(?:;\s*q\s*=\s*([\d.]+))?\s*(?:,|$)/i.exec(accepted) ?? [];
  const named = /(?:^|[\s,])gzip\b/i.test(accepted);
  return named && Number(quality ?? 1) > 0;
}

/** Server-Timing (W3C), where the request asks for it by `sluice-server-timing: 1`; else undefined. */
export function serverTiming(headers: IncomingHttpHeaders, timing: InferTiming): string | undefined {
  if (headers[TIMING_REQUEST_HEADER] !== '1') return undefined;
  const { queueMs, computeMs, batchRows } = timing;
  return `queue;dur=${queueMs.toFixed(3)}, compute;dur=${computeMs.toFixed(3)}, batch;desc="${batchRows} rows"`;
}

/** Puts it into a reply of Fastify's. */
export function tellTiming(request: FastifyRequest, reply: FastifyReply, timing: InferTiming): void {
  const told = serverTiming(request.headers, timing);
  if (told !== undefined) void reply.header('server-timing', told);
}
