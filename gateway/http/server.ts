import { type FastifyError, type FastifyInstance, type FastifyRequest, fastify } from 'fastify';
import type { Guard, Knock, MethodClass } from '../core/access.js';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { SchedulerReport } from '../core/scheduler-report.js';
import type { TlsIdentity } from '../core/tls.js';
import { clientError, MAX_HEADER_BYTES } from './client-error.js';
import { shareAcrossOrigins } from './cors.js';
import { DirectInfer } from './direct/direct-infer.js';
import { NO_SCHEMAS } from './no-schemas.js';
import { addRest } from './rest.js';
import type { RestOptions } from './rest-options.js';
import { SameSite, type SiteOptions } from './same-site.js';
import { serverFactory } from './server-factory.js';
import { httpErrorOf, toHttpError } from './status.js';
import { type RequestTracing, traceRequests } from './trace-requests.js';

/** Whether something is so, and why not. */
export interface Verdict {
  readonly ok: boolean;
  /** One line for people and probes; `''` when ok. */
  readonly reason: string;
}

export interface HttpServerOptions extends SiteOptions {
  /** Which listener it is: its settings are `<name>.…`, and errors name their flags. @default 'http' */
  readonly name?: 'http' | 'metrics';
  /** 0 takes any free port. */
  readonly port: number;
  /** Whether the process is worth keeping: a failing liveness probe restarts it. @default /livez is not served */
  readonly live?: () => Verdict;
  /** Whether requests should be sent here. @default /readyz is not served */
  readonly ready?: () => Verdict;
  /** The metrics page. @default /metrics is not served */
  readonly metrics?: {
    /** In the format that the client takes, as its `Accept` says. */
    render(accept?: string): Promise<{ readonly contentType: string; readonly text: string }>;
  };
  /** What the scheduler has learned. @default /scheduler is not served */
  readonly scheduler?: () => SchedulerReport;
  /** Inference, and what tells of models and changes them. @default not served */
  readonly rest?: RestOptions;
  readonly logger: Logger;
  /** @default no encryption */
  readonly tls?: TlsIdentity | undefined;
  /** Who may see metrics and the scheduler. @default everybody */
  readonly guard?: Guard | undefined;
  /** Told of the requests of routes that say `traced`. @default nobody */
  readonly tracing?: RequestTracing;
  /** Largest request body, in bytes. @default 65536 */
  readonly maxBodyBytes?: number;
  /** Most open connections; more are closed at once. @default 1000 */
  readonly maxConnections?: number;
  /** A request whose headers or body do not arrive in time is cut. @default 10000 */
  readonly requestTimeoutMs?: number;
}

/** Longer than the idle times of the usual balancers (60 s), so that they close first. */
const KEEP_ALIVE_MS = 65_000;
/** Headers are small: whoever takes longer for them keeps a connection busy, and nothing else. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How often Node looks for connections that are over their time. */
const CHECK_INTERVAL_MS = 1000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route does, and so who may ask for it. @default 'changes': nobody has said what it does */
    readonly kind?: MethodClass;
  }
}

/** An HTTP listener: of `/livez`, `/readyz`, `/metrics` and `/scheduler` what its options bring. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #app: FastifyInstance;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#app = build(options);
  }

  /** Resolves to the bound port. Rejects with a GatewayError whose message names host and port. */
  async listen(): Promise<number> {
    const { host, port, name = 'http' } = this.#options;
    try {
      await this.#app.listen({ host, port });
    } catch (error) {
      throw listenError(error, name, host, port);
    }
    const address = this.#app.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Takes no more work; resolves when what is under way has ended. Probes and scrapes are answered as before. */
  async drain(): Promise<void> {
    await this.#options.rest?.calls.drain();
  }

  /** Stops listening and cuts every connection at once: what is served here is asked again by whoever asked. */
  async close(): Promise<void> {
    await this.#app.close();
  }
}

function build(options: HttpServerOptions): FastifyInstance {
  const { requestTimeoutMs = 10_000, maxBodyBytes = 64 * 1024, maxConnections = 1000 } = options;
  const { tls, rest, tracing, guard, logger } = options;
  const site = new SameSite(options);
  // Of all routes the one that has to be fast.
  const direct = rest && new DirectInfer({ site, guard, rest, tracing, logger });
  const limits = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: Math.min(requestTimeoutMs, HEADERS_TIMEOUT_MS),
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const app = fastify({
    schemaController: NO_SCHEMAS,
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 256 },
    serverFactory: serverFactory(limits, tls, direct),
    clientErrorHandler: clientError,
  });
  app.server.maxConnections = maxConnections;
  app.server.headersTimeout = limits.headersTimeout;
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, headers, body } = httpErrorOf(error);
    if (status >= 500 && !(error instanceof GatewayError))
      logger.error({ err: error, path: pathOf(request) }, 'an HTTP request failed');
    // The rest of a body that was not read would have to be, before the connection could be used again.
    if (!request.raw.complete) void reply.header('connection', 'close');
    return reply.code(status).headers(headers).send(body);
  });
  if (tracing !== undefined) traceRequests(app, tracing);
  restrict(app, site, guard);
  const served = [
    ...(options.live !== undefined ? ['/livez'] : []),
    ...(options.ready !== undefined ? ['/readyz'] : []),
    ...(options.metrics !== undefined ? ['/metrics'] : []),
    ...(options.scheduler !== undefined ? ['/scheduler'] : []),
  ];
  const places = `GET ${served.join(', ')} ${served.length === 1 ? 'is' : 'are'}`;
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: `nothing is served at ${request.method} ${quote(pathOf(request))}; ${places}`,
    }),
  );
  routes(app, options);
  if (rest !== undefined) addRest(app, rest);
  return app;
}

/** What is asked of every request before it is looked at: where from, and, for what probes do not need, by whom. */
function restrict(app: FastifyInstance, site: SameSite, guard: Guard | undefined): void {
  // With a callback: a promise for each request would cost a tenth of it.
  app.addHook('onRequest', (request, reply, done) => {
    const fault = site.check(request.headers);
    if (fault !== undefined) {
      void reply.code(fault.status).send({ error: fault.error });
      return;
    }
    if (shareAcrossOrigins(request, reply)) return;
    const refused = guard === undefined ? undefined : guard.check(knockOf(request));
    if (refused === undefined) {
      done();
      return;
    }
    const { status, headers, body } = toHttpError(refused);
    void reply.code(status).headers(headers).send(body);
  });
}

function knockOf(request: FastifyRequest): Knock {
  const { authorization } = request.headers;
  const { remoteAddress, remotePort } = request.socket;
  return {
    // Of a path that nobody serves only who may know what there is learns that.
    kind: request.is404 ? 'reads' : (request.routeOptions.config.kind ?? 'changes'),
    authorization,
    path: pathOf(request),
    peer: `${remoteAddress}:${remotePort}`,
  };
}

/** Without the query, in which somebody may have put a secret. */
function pathOf({ url }: FastifyRequest): string {
  return url.split('?', 1)[0] as string;
}

const READS = { config: { kind: 'reads' } } as const;

function routes(app: FastifyInstance, { live, ready, metrics, scheduler }: HttpServerOptions): void {
  for (const [path, check] of [
    ['/livez', live],
    ['/readyz', ready],
  ] as const) {
    if (check === undefined) continue;
    app.get(path, { config: { kind: 'open' } }, (_request, reply) => {
      const { ok, reason } = check();
      const body = ok ? { status: 'ok' } : { status: 'unavailable', reason };
      return reply
        .code(ok ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(body);
    });
  }
  if (scheduler !== undefined) app.get('/scheduler', READS, () => scheduler());
  if (metrics === undefined) return;
  app.get('/metrics', READS, async (request, reply) => {
    const { contentType, text } = await metrics.render(request.headers.accept);
    return reply.headers({ 'content-type': contentType, vary: 'accept' }).send(text);
  });
}

/** What to do about it. */
const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use: stop what uses it, or choose another with --NAME-port',
  EACCES: 'the system does not allow it: choose a port above 1023 with --NAME-port',
  EADDRNOTAVAIL: 'this machine has no such address: choose another with --NAME-address',
  ENOTFOUND: 'the host name does not resolve: choose another with --NAME-address',
  EAI_AGAIN: 'the host name does not resolve: choose another with --NAME-address',
};

function listenError(error: unknown, name: 'http' | 'metrics', host: string, port: number): GatewayError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const what = name === 'http' ? 'HTTP' : 'metrics';
  // Whoever moved a second server's other ports out of the way may not know that there is this one.
  const none = name === 'metrics' ? ', or have none with --metrics-own-port=false' : '';
  const fault = LISTEN_FAULTS[code]?.replace('NAME', name).concat(none) ?? message;
  return new GatewayError('FAILED_PRECONDITION', `Cannot listen for ${what} on ${place}: ${fault}`, {
    field: `${name}.port`,
    cause: error,
  });
}
