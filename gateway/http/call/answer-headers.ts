import { constants, gzip } from 'node:zlib';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { InferTiming } from '../../core/infer-call.js';
import { requestIdOf } from './call-context.js';

/** Smaller answers are sent as they are: they fit a packet or two. */
const LEAST_PACKED_BYTES = 1400;
/** Whoever sends it wants to be told where the time went. */
const TIMING_REQUEST_HEADER = 'sluice-server-timing';

/** What every answer of a route carries: its request's id, and its body compressed for those who want that. */
export function addResponseHeaders(app: FastifyInstance): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const id = requestIdOf(request);
    if (id !== '') void reply.header('x-request-id', id);
    const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload : undefined;
    if (bytes === undefined || bytes.length < LEAST_PACKED_BYTES) {
      done(null, payload);
      return;
    }
    const { vary } = reply.getHeaders();
    void reply.header('vary', vary === undefined ? 'accept-encoding' : `${vary}, accept-encoding`);
    if (!takesGzip(request) || reply.hasHeader('inference-header-content-length')) {
      done(null, payload);
      return;
    }
    gzip(bytes, { level: constants.Z_BEST_SPEED }, (error, packed) => {
      if (error === null)
        void reply.header('content-encoding', 'gzip').header('content-length', packed.length);
      done(null, error === null ? packed : payload);
    });
  });
}

function takesGzip({ headers }: FastifyRequest): boolean {
  const [, quality] =
    /(?:^|[\s,])gzip\s*(?:;\s*q\s*=\s*([\d.]+))?\s*(?:,|$)/i.exec(headers['accept-encoding'] ?? '') ?? [];
  const named = /(?:^|[\s,])gzip\b/i.test(headers['accept-encoding'] ?? '');
  return named && Number(quality ?? 1) > 0;
}

/** Server-Timing (W3C), where the request asks for it by `sluice-server-timing: 1`. */
export function tellTiming(request: FastifyRequest, reply: FastifyReply, timing: InferTiming): void {
  if (request.headers[TIMING_REQUEST_HEADER] !== '1') return;
  const { queueMs, computeMs, batchRows } = timing;
  void reply.header(
    'server-timing',
    `queue;dur=${queueMs.toFixed(3)}, compute;dur=${computeMs.toFixed(3)}, batch;desc="${batchRows} rows"`,
  );
}
