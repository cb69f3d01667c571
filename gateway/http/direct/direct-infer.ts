import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Guard } from '../../core/access.js';
import { GatewayError } from '../../core/error.js';
import type { Logger } from '../../core/logger.js';
import { peerOf } from '../call/call-context.js';
import { charsetFault } from '../call/charset.js';
import { readBody } from '../call/read-body.js';
import type { RestOptions } from '../rest-options.js';
import type { SameSite } from '../same-site.js';
import { httpErrorOf } from '../status.js';
import { beginTrace, type RequestTracing } from '../trace-requests.js';
import { inferV2 } from '../v2/infer.js';
import { DirectReply } from './direct-reply.js';
import { inferTarget, type RoutedTarget } from './infer-target.js';

export interface DirectInferOptions {
  readonly site: Pick<SameSite, 'check'>;
  /** @default everybody may infer */
  readonly guard?: Guard | undefined;
  readonly rest: RestOptions;
  /** @default nobody is told */
  readonly tracing?: RequestTracing | undefined;
  readonly logger: Logger;
}

/**
 * Answers infer requests of the Open Inference Protocol as the route in `v2/infer-routes` does, but before Fastify sees them: its router,
 * its request and reply and its hooks take as long as a batched inference. Left to Fastify is what is out of the ordinary: pages of
 * other origins, hosts that are not ours, names that are percent-encoded, query strings.
 */
export class DirectInfer {
  readonly #options: DirectInferOptions;

  constructor(options: DirectInferOptions) {
    this.#options = options;
  }

  /** Whether the request is answered here. */
  take(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.method !== 'POST') return false;
    const { url = '', headers } = request;
    const target = inferTarget(url);
    if (target === undefined || headers.origin !== undefined) return false;
    if (this.#options.site.check(headers) !== undefined) return false;
    this.#serve(request, response, target);
    return true;
  }

  #serve(request: IncomingMessage, response: ServerResponse, target: RoutedTarget): void {
    const reply = new DirectReply(request, response);
    try {
      this.#begin(request, response, reply, target);
    } catch (error) {
      this.#fail(reply, error as Error);
    }
  }

  /** Throws what the request is refused for before its body is read. */
  #begin(request: IncomingMessage, response: ServerResponse, reply: DirectReply, target: RoutedTarget): void {
    const { rest, tracing } = this.#options;
    const { headers } = request;
    const trace = tracing && beginTrace(request, response, target.route, tracing, () => reply.failure);
    if (trace?.call.debug === true) reply.timelineOf(trace, (tracing as RequestTracing).clock);
    this.#admit(request);
    const work = rest.calls.begin(response);
    const refused = charsetFault(headers['content-type']);
    if (refused !== undefined) throw refused;
    readBody(request, headers['content-encoding'], work, rest.maxBodyBytes, (error, body) => {
      if (error !== null) this.#fail(reply, error);
      else
        inferV2({ headers, raw: request, work, trace }, target, body as Buffer, rest)
          .then((answer) => reply.send(200, answer.headers, answer.body))
          .catch((failure: Error) => this.#fail(reply, failure));
    });
  }

  /** Throws UNAUTHENTICATED or PERMISSION_DENIED. */
  #admit({ headers, socket, url = '' }: IncomingMessage): void {
    const { guard } = this.#options;
    if (guard === undefined) return;
    const { authorization } = headers;
    const refused = guard.check({ kind: 'infers', authorization, path: url, peer: peerOf(socket) });
    if (refused !== undefined) throw refused;
  }

  #fail(reply: DirectReply, error: Error): void {
    const { status, headers, body } = httpErrorOf(error);
    if (status >= 500 && !(error instanceof GatewayError))
      this.#options.logger.error({ err: error, path: reply.request.url }, 'an HTTP request failed');
    reply.failure = GatewayError.from(error);
    const told: Record<string, string> = { ...headers, 'content-type': 'application/json; charset=utf-8' };
    // The rest of a body that was not read would have to be, before the connection could be used again.
    if (!reply.request.complete) told['connection'] = 'close';
    try {
      reply.send(status, told, JSON.stringify(body));
    } catch (unsendable) {
      this.#options.logger.error(
        { err: unsendable, path: reply.request.url },
        'an error could not be sent over HTTP',
      );
      reply.abandon();
    }
  }
}
