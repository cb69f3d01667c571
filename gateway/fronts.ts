import { readFileSync } from 'node:fs';
import { metricsAddress } from './config/listeners.js';
import type { Config } from './config/schema.js';
import type { CallMemory } from './core/call-record.js';
import type { CallTracer } from './core/call-trace.js';
import type { ModelCatalog } from './core/catalog.js';
import type { Clock } from './core/clock.js';
import type { ControlPlane } from './core/control.js';
import type { Infer } from './core/infer-call.js';
import type { LogSwitches } from './core/log-switches.js';
import type { Logger } from './core/logger.js';
import { isLoopback } from './core/loopback.js';
import type { Manifest } from './core/manifest.js';
import type { ModelControl } from './core/model-control.js';
import type { Recorder } from './core/recorder.js';
import type { SchedulerReport } from './core/scheduler-report.js';
import type { StatisticsSource } from './core/statistics.js';
import type { ModelListControl } from './core/tfs/model-list.js';
import type { TraceControl } from './core/trace-settings.js';
import type { RpcMethod } from './core/transport.js';
import { adminMethods, closedAdminMethods } from './grpc/admin-service.js';
import { audited } from './grpc/audited.js';
import { GrpcTransport } from './grpc/grpc-transport.js';
import { HealthService } from './grpc/health.js';
import { oipMethods } from './grpc/oip-service.js';
import { reflectionMethods } from './grpc/reflection.js';
import { tfsMethods } from './grpc/tfs-service.js';
import { HttpCalls } from './http/call/http-calls.js';
import type { RestOptions } from './http/rest-options.js';
import { RpcBridge } from './http/rpc/rpc-bridge.js';
import { HttpServer, type HttpServerOptions } from './http/server.js';
import type { Readiness } from './repository/readiness.js';
import { Audit } from './security/audit.js';
import { Certificates } from './security/certificates.js';
import { TokenGuard } from './security/token-guard.js';

/** Where a started gateway answers; undefined where a protocol is switched off. */
export interface Ports {
  readonly grpcPort: number | undefined;
  readonly httpPort: number | undefined;
  readonly metricsPort: number | undefined;
  /** 0 for a Unix socket. */
  readonly adminPort: number | undefined;
}

/** What the listeners need of the gateway behind them. */
export interface FrontsOptions {
  readonly config: Config;
  readonly infer: Infer;
  readonly catalog: ModelCatalog;
  readonly live: () => boolean;
  readonly readiness: () => Readiness;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<Recorder, 'dropped' | 'refused'> & NonNullable<HttpServerOptions['metrics']>;
  readonly statistics: StatisticsSource;
  /** Bytes that a version takes on all its workers; undefined where that is not known. */
  readonly heldBytes: (manifest: Manifest) => number | undefined;
  readonly scheduler: () => SchedulerReport;
  readonly tracing: TraceControl;
  readonly tracer: CallTracer;
  readonly control: ControlPlane;
  readonly calls: CallMemory;
  readonly models: ModelControl;
  readonly modelLists: ModelListControl;
  readonly resize: (workers: number, model?: string) => Promise<void>;
  readonly logSwitches: LogSwitches | undefined;
}

/** The package's version: what ServerMetadata says. */
const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** A load is waited for: as long as the preparation and the loads of a model may take. */
const MAX_ADMIN_DEADLINE_MS = 600_000;
/** Connections that the admin listener has open at once. */
const MAX_ADMIN_CONNECTIONS = 100;
/** Calls: more than may be loads, which last, so that a rollback finds room beside them. */
const MAX_ADMIN_CALLS = 300;

/** The listeners and the services behind them: everything that a client can reach. */
export class Fronts {
  readonly #options: FrontsOptions;
  readonly #health: HealthService;
  readonly #grpc: GrpcTransport | undefined;
  readonly #admin: GrpcTransport | undefined;
  readonly #http: HttpServer | undefined;
  readonly #metrics: HttpServer | undefined;
  readonly #tls: Certificates | undefined;
  readonly #audit: Audit;
  readonly #guard: TokenGuard | undefined;

  constructor(options: FrontsOptions) {
    const { config, catalog, readiness } = options;
    this.#options = options;
    this.#health = new HealthService({ catalog, serverReady: () => readiness().ready });
    this.#tls = buildCertificates(options);
    this.#audit = new Audit(options.clock, options.logger);
    this.#guard = buildGuard(options, this.#audit);
    this.#grpc = config.grpc.enabled ? this.#buildGrpc() : undefined;
    this.#admin = config.admin.enabled ? this.#buildAdmin() : undefined;
    this.#http = config.http.enabled ? this.#buildHttp() : undefined;
    this.#metrics = config.metrics.enabled && config.metrics.ownPort ? this.#buildMetrics() : undefined;
  }

  /** Rejects with a GatewayError that names the address that cannot be had, or the certificate or tokens that cannot be used. */
  async listen(): Promise<Ports> {
    await this.#tls?.start();
    await this.#guard?.start();
    const grpcPort = await this.#grpc?.listen();
    const httpPort = await this.#http?.listen();
    const metricsPort = await this.#metrics?.listen();
    const adminPort = await this.#admin?.listen();
    return { grpcPort, httpPort, metricsPort, adminPort };
  }

  /** To be called when the server's readiness may have changed. */
  readinessChanged(): void {
    this.#health.refresh();
  }

  /** Health says NOT_SERVING from now on; calls are served as before. */
  sayNotServing(): void {
    this.#health.drain();
  }

  /** Takes no new calls; resolves when those in flight have ended. HTTP and the metrics port go on: probes and scrapes want to see it. */
  async drain(): Promise<void> {
    await Promise.all([this.#grpc?.drain(), this.#admin?.drain(), this.#http?.drain()]);
  }

  /** Cuts the gRPC calls that are left. */
  cut(): void {
    this.#grpc?.close();
    this.#admin?.close();
  }

  async close(): Promise<void> {
    this.cut();
    this.#tls?.stop();
    this.#guard?.stop();
    await Promise.all([this.#http?.close(), this.#metrics?.close()]);
  }

  #buildGrpc(): GrpcTransport {
    const { config, clock, logger, metrics, tracer } = this.#options;
    const open = config.admin.openOnGrpc;
    const methods = [
      ...this.#oip(open || config.server.allowRuntimeSettings, open),
      ...this.#tfs(open),
      ...this.#health.methods(),
    ];
    if (open) methods.push(...adminMethods(this.#options));
    const told =
      open || config.server.allowRuntimeSettings ? audited(methods, this.#audit, this.#guard) : methods;
    return new GrpcTransport({
      ...config.grpc,
      address: listenOn(config.grpc),
      maxOpenCalls: config.queue.maxCallsInFlight,
      methods: [...told, ...reflectionMethods(methods), ...(open ? [] : closedAdminMethods(logger))],
      tls: this.#tls,
      guard: this.#guard,
      clock,
      logger,
      recorder: metrics,
      tracer,
    });
  }

  /** All that changes the server, and what tells of it; no inference. */
  #buildAdmin(): GrpcTransport {
    const { config, clock, logger, tracer } = this.#options;
    const telling = [...this.#oip(true, true), ...this.#tfs(true)].filter(
      (method) => method.kind === 'unary' && method.sheddable !== true,
    );
    const methods = [...adminMethods(this.#options), ...telling, ...this.#health.methods()];
    // Who is on this machine, and may open the socket, may administer it.
    const local = isLoopback(config.admin.address);
    const guard = local ? undefined : this.#guard;
    return new GrpcTransport({
      ...config.grpc,
      address: listenOn(config.admin),
      portFlag: '--admin-port',
      maxDeadlineMs: Math.max(config.grpc.maxDeadlineMs, MAX_ADMIN_DEADLINE_MS),
      maxConnections: MAX_ADMIN_CONNECTIONS,
      maxOpenCalls: MAX_ADMIN_CALLS,
      methods: [...audited(methods, this.#audit, guard), ...reflectionMethods(methods)],
      tls: local ? undefined : this.#tls,
      guard,
      clock,
      logger,
      tracer,
    });
  }

  #oip(allowRuntimeSettings: boolean, allowModelControl: boolean): RpcMethod[] {
    const { config, readiness } = this.#options;
    return oipMethods({
      ...config.grpc,
      ...this.#options,
      callerKey: config.callers.metadataKey,
      serverReady: () => readiness().ready,
      serverId: config.server.id,
      version: VERSION,
      allowRuntimeSettings,
      allowModelControl,
    });
  }

  #tfs(allowModelControl: boolean): RpcMethod[] {
    const { config } = this.#options;
    return tfsMethods({
      ...this.#options,
      ...{ callerKey: config.callers.metadataKey, allowModelControl },
      answerTensors: config.tensorflow.answerTensors,
      maxMessageBytes: config.grpc.maxMessageBytes,
    });
  }

  #buildHttp(): HttpServer {
    const { config, live, readiness, metrics, scheduler, tracer, clock } = this.#options;
    return new HttpServer({
      ...this.#httpOptions(),
      host: config.http.address,
      port: config.http.port,
      live: () => ({ ok: live(), reason: 'the server has stopped' }),
      ready: () => {
        const { ready, reason } = readiness();
        return { ok: ready, reason };
      },
      ...(config.metrics.enabled && { metrics, scheduler }),
      tracing: { tracer, clock },
      rest: this.#restOptions(),
      requestTimeoutMs: config.grpc.maxDeadlineMs,
    });
  }

  /** The same methods as on the gRPC port, refused and audited as there. */
  #restOptions(): RestOptions {
    const { config, clock, infer, catalog, readiness } = this.#options;
    const { maxDeadlineMs } = config.grpc;
    const open = config.admin.openOnGrpc;
    const methods = audited([...this.#oip(open, open), ...this.#tfs(open)], this.#audit, this.#guard);
    const calls = { clock, maxDeadlineMs, callerKey: config.callers.metadataKey };
    return {
      ...calls,
      infer,
      catalog,
      rpcs: new RpcBridge(methods, { ...calls, maxDeadlineMs: open ? MAX_ADMIN_DEADLINE_MS : maxDeadlineMs }),
      calls: new HttpCalls({ ...config.http, maxOpenCalls: config.queue.maxCallsInFlight }),
      maxBodyBytes: config.http.maxBodyBytes,
      style: { nonFinite: config.http.nonFinite, int64Strings: config.http.int64Strings },
      serverReady: () => readiness().ready,
      release: VERSION,
    };
  }

  /** Nothing but the page that scrapers read, where Triton's have theirs. */
  #buildMetrics(): HttpServer {
    const { config, metrics } = this.#options;
    const host = metricsAddress(config);
    return new HttpServer({
      ...this.#httpOptions(),
      ...{ name: 'metrics', host, port: config.metrics.port, metrics },
    });
  }

  /** Who may ask over HTTP, and how. */
  #httpOptions() {
    const { config, logger } = this.#options;
    return {
      allowedHosts: config.http.allowedHosts,
      allowedOrigins: config.http.allowedOrigins,
      tls: config.tls.http ? this.#tls : undefined,
      guard: this.#guard,
      logger,
    };
  }
}

function buildCertificates({ config, clock, logger }: FrontsOptions): Certificates | undefined {
  const { certFile, keyFile, reloadSecs, ...clients } = config.tls;
  if (certFile === undefined || keyFile === undefined) return undefined;
  return new Certificates({ ...clients, certFile, keyFile, reloadMs: reloadSecs * 1000, clock, logger });
}

function buildGuard({ config, clock, logger }: FrontsOptions, audit: Audit): TokenGuard | undefined {
  const { tokensFile, reloadSecs } = config.auth;
  return tokensFile === undefined
    ? undefined
    : new TokenGuard({ tokensFile, reloadMs: reloadSecs * 1000, audit, clock, logger });
}

function listenOn({ address, port }: { readonly address: string; readonly port: number }): string {
  if (address.startsWith('unix:')) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
