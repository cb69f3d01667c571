import type { FastifyReply, FastifyRequest } from 'fastify';

/** Headers of answers that pages may read, beside those that any may. */
const EXPOSED =
  'inference-header-content-length, retry-after, server-timing, sluice-timeline, www-authenticate, x-request-id';
const ALLOWED_HEADERS =
  'authorization, content-encoding, content-type, inference-header-content-length, sluice-debug, sluice-label, sluice-server-timing, sluice-timeout-ms, traceparent, tracestate, x-request-id';
/** How long a browser may remember what it was allowed, in seconds. */
const MAX_AGE_SECS = '600';

/**
 * Cross-origin resource sharing (https://fetch.spec.whatwg.org/#http-cors-protocol) for origins that may ask: their pages may read the answer,
 * and the question that a browser asks first is answered here, without a token, which it does not carry. Whose origin may not ask has been
 * refused before. Credentials of the browser's own are never wanted: tokens are in a header.
 *
 * @returns whether the request is answered with it
 */
export function shareAcrossOrigins(request: FastifyRequest, reply: FastifyReply): boolean {
  const { origin } = request.headers;
  if (origin === undefined) return false;
  void reply
    .header('access-control-allow-origin', origin)
    .header('vary', 'origin')
    .header('access-control-expose-headers', EXPOSED);
  const { 'access-control-request-method': method } = request.headers;
  if (request.method !== 'OPTIONS' || method === undefined) return false;
  void reply
    .code(204)
    .header('access-control-allow-methods', 'GET, POST')
    .header('access-control-allow-headers', ALLOWED_HEADERS)
    .header('access-control-max-age', MAX_AGE_SECS)
    .send();
  return true;
}
