import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { SchedulerReport } from '../core/scheduler-report.js';
import { toHttpError } from './status.js';

/** Whether something is so, and why not. */
export interface Verdict {
  readonly ok: boolean;
  /** One line for people and probes; `''` when ok. */
  readonly reason: string;
}

export interface HttpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Whether the process is worth keeping: a failing liveness probe restarts it. */
  readonly live: () => Verdict;
  /** Whether requests should be sent here. */
  readonly ready: () => Verdict;
  /** The metrics page. @default /metrics is not served */
  readonly metrics?: { readonly contentType: string; render(): Promise<string> };
  /** What the scheduler has learned. @default /scheduler is not served */
  readonly scheduler?: () => SchedulerReport;
  readonly logger: Logger;
  /** Largest request body, in bytes. @default 65536 */
  readonly maxBodyBytes?: number;
  /** Most open connections; more are closed at once. @default 1000 */
  readonly maxConnections?: number;
  /** A request whose headers or body do not arrive in time is cut. @default 10000 */
  readonly requestTimeoutMs?: number;
}

const MAX_HEADER_BYTES = 16 * 1024;
/** Longer than the idle times of the usual balancers (60 s), so that they close first. */
const KEEP_ALIVE_MS = 65_000;
/** How often Node looks for connections that are over their time. */
const CHECK_INTERVAL_MS = 1000;

/** The HTTP listener: `/livez`, `/readyz`, `/metrics` and `/scheduler`. */
export class HttpServer {
  readonly #options: HttpServerOptions;
  readonly #app: FastifyInstance;

  constructor(options: HttpServerOptions) {
    this.#options = options;
    this.#app = build(options);
  }

  /** Resolves to the bound port. Rejects with a GatewayError whose message names host and port. */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    try {
      await this.#app.listen({ host, port });
    } catch (error) {
      throw listenError(error, host, port);
    }
    const address = this.#app.server.address();
    return typeof address === 'object' && address !== null ? address.port : port;
  }

  /** Stops listening and cuts every connection at once: what is served here is asked again by whoever asked. */
  async close(): Promise<void> {
    await this.#app.close();
  }
}

function build(options: HttpServerOptions): FastifyInstance {
  const { requestTimeoutMs = 10_000, maxBodyBytes = 64 * 1024, maxConnections = 1000 } = options;
  const app = fastify({
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 256 },
    http: {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
    },
    clientErrorHandler: (error, socket) => {
      if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
      else socket.end(rawError(error.code));
    },
  });
  app.server.maxConnections = maxConnections;
  app.server.headersTimeout = requestTimeoutMs;
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { status, headers, body } = translate(error);
    if (status >= 500 && !(error instanceof GatewayError))
      options.logger.error({ err: error, path: request.url }, 'an HTTP request failed');
    return reply.code(status).headers(headers).send(body);
  });
  const served = ['/livez', '/readyz'];
  if (options.metrics !== undefined) served.push('/metrics');
  if (options.scheduler !== undefined) served.push('/scheduler');
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: `nothing is served at ${request.method} ${quote(request.url)}; GET ${served.join(', ')} are`,
    }),
  );
  routes(app, options);
  return app;
}

function routes(app: FastifyInstance, { live, ready, metrics, scheduler }: HttpServerOptions): void {
  for (const [path, check] of [
    ['/livez', live],
    ['/readyz', ready],
  ] as const) {
    app.get(path, (_request, reply) => {
      const { ok, reason } = check();
      const body = ok ? { status: 'ok' } : { status: 'unavailable', reason };
      return reply
        .code(ok ? 200 : 503)
        .header('cache-control', 'no-store')
        .send(body);
    });
  }
  if (scheduler !== undefined) app.get('/scheduler', () => scheduler());
  if (metrics === undefined) return;
  app.get('/metrics', async (_request, reply) => {
    const page = await metrics.render();
    return reply.header('content-type', metrics.contentType).send(page);
  });
}

/** Fastify's own errors (body too large, bad JSON) carry an HTTP status; all else goes through the one funnel. */
function translate(error: FastifyError): {
  status: number;
  headers: Readonly<Record<string, string>>;
  body: object;
} {
  const { statusCode } = error;
  if (!(error instanceof GatewayError) && statusCode !== undefined && statusCode < 500)
    return { status: statusCode, headers: {}, body: { error: error.message.slice(0, 200) } };
  return toHttpError(GatewayError.from(error));
}

/** An answer to what never became a request. */
function rawError(code: string): string {
  const [status, error] =
    code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', `the headers are larger than ${MAX_HEADER_BYTES} bytes`]
      : code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'the request did not arrive in time']
        : ['400 Bad Request', 'this is not an HTTP/1.1 request'];
  const body = JSON.stringify({ error });
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
}

const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use: stop what uses it, or choose another with --http-port',
  EACCES: 'the system does not allow it: choose a port above 1023 with --http-port',
  EADDRNOTAVAIL: 'this machine has no such address: choose another with --http-address',
  ENOTFOUND: 'the host name does not resolve: choose another with --http-address',
  EAI_AGAIN: 'the host name does not resolve: choose another with --http-address',
};

function listenError(error: unknown, host: string, port: number): GatewayError {
  const { code = '', message } = error as NodeJS.ErrnoException;
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new GatewayError(
    'FAILED_PRECONDITION',
    `Cannot listen for HTTP on ${place}: ${LISTEN_FAULTS[code] ?? message}`,
    { field: 'http.port', cause: error },
  );
}
