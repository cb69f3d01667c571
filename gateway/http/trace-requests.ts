import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { CallTrace, CallTracer } from '../core/call-trace.js';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import { timelineOf } from '../core/timeline.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether its requests are traced: those that do the server's work, not those of probes and scrapes. @default false */
    readonly traced?: boolean;
  }
  interface FastifyRequest {
    /** Where what becomes of it is noted: to be passed on in the InferCall. */
    trace: CallTrace | undefined;
    /** What it has failed with. */
    failure: GatewayError | undefined;
  }
}

/** What a request is told its timeline in. */
export const TIMELINE_HEADER = 'sluice-timeline';

/** Who is told of requests, and by which clock. */
export interface RequestTracing {
  readonly tracer: CallTracer;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Begins the server span of a request of `route`, which ends when its answer has left, or its client: with what `failureOf` has then.
 * @returns undefined where nobody traces it
 */
export function beginTrace(
  request: IncomingMessage,
  response: ServerResponse,
  route: string,
  { tracer, clock }: RequestTracing,
  failureOf: () => GatewayError | undefined,
): CallTrace | undefined {
  const debug = tracer.debug && request.headers['sluice-debug'] === '1';
  if (!tracer.active && !debug) return undefined;
  const { remoteAddress = '', remotePort } = request.socket;
  const trace = tracer.begin({
    ...{ protocol: 'http', method: `${request.method} ${route}`, original: '', lasting: false, debug },
    fields: fieldsOf(request),
    peer: remoteAddress.includes(':') ? `[${remoteAddress}]:${remotePort}` : `${remoteAddress}:${remotePort}`,
    startedAt: clock.now(),
  });
  response.on('close', () => {
    const { writableEnded, statusCode } = response;
    trace.end(clock.now(), writableEnded ? failureOf() : LEFT(), statusCode);
  });
  return trace;
}

/** Makes one server span of each request of a route that says `traced`, however it ends, and tells it its timeline if it asks. */
export function traceRequests(app: FastifyInstance, tracing: RequestTracing): void {
  app.decorateRequest('trace', undefined);
  app.decorateRequest('failure', undefined);
  app.addHook('onRequest', (request, reply, done) => {
    const { config, url: route = '' } = request.routeOptions;
    // Its end is not heard of by a hook: that would be run for requests that nobody traces, too.
    if (config.traced === true)
      request.trace = beginTrace(request.raw, reply.raw, route, tracing, () => request.failure);
    done();
  });
  app.addHook('onError', (request, _reply, error, done) => {
    request.failure = GatewayError.from(error);
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (request.trace?.call.debug === true)
      reply.header(TIMELINE_HEADER, timelineOf(request.trace, tracing.clock.now()));
    done(null, payload);
  });
}

const LEFT = (): GatewayError =>
  new GatewayError('CANCELLED', 'the client has left', { reason: 'cancelled' });

/** Names in lower case and values in turn, those that are given twice twice. */
function fieldsOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.map((text, i) => (i % 2 === 0 ? text.toLowerCase() : text));
}
