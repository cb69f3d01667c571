import { readFileSync } from 'node:fs';
import type { Config } from './config/schema.js';
import type { ModelCatalog } from './core/catalog.js';
import type { Clock } from './core/clock.js';
import type { Infer } from './core/infer-call.js';
import type { LogSwitches } from './core/log-switches.js';
import type { Logger } from './core/logger.js';
import type { Recorder } from './core/recorder.js';
import type { SchedulerReport } from './core/scheduler-report.js';
import type { StatisticsSource } from './core/statistics.js';
import type { TraceControl } from './core/trace-settings.js';
import type { RpcMethod } from './core/transport.js';
import { GrpcTransport } from './grpc/grpc-transport.js';
import { HealthService } from './grpc/health.js';
import { oipMethods } from './grpc/oip-service.js';
import { reflectionMethods } from './grpc/reflection.js';
import { HttpServer, type HttpServerOptions } from './http/server.js';
import type { Readiness } from './repository/readiness.js';

/** Where a started gateway answers; undefined where a protocol is switched off. */
export interface Ports {
  readonly grpcPort: number | undefined;
  readonly httpPort: number | undefined;
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
  readonly scheduler: () => SchedulerReport;
  readonly tracing: TraceControl;
  readonly logSwitches: LogSwitches | undefined;
}

/** The package's version: what ServerMetadata says. */
const VERSION = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

/** The listeners and the services behind them: everything that a client can reach. */
export class Fronts {
  readonly #options: FrontsOptions;
  readonly #health: HealthService;
  readonly #grpc: GrpcTransport | undefined;
  readonly #http: HttpServer | undefined;

  constructor(options: FrontsOptions) {
    const { config, catalog, readiness } = options;
    this.#options = options;
    this.#health = new HealthService({ catalog, serverReady: () => readiness().ready });
    this.#grpc = config.grpc.enabled ? this.#buildGrpc() : undefined;
    this.#http = config.http.enabled ? this.#buildHttp() : undefined;
  }

  /** Rejects with a GatewayError that names the address that cannot be had. */
  async listen(): Promise<Ports> {
    const grpcPort = await this.#grpc?.listen();
    const httpPort = await this.#http?.listen();
    return { grpcPort, httpPort };
  }

  /** To be called when the server's readiness may have changed. */
  readinessChanged(): void {
    this.#health.refresh();
  }

  /** Health says NOT_SERVING from now on; calls are served as before. */
  sayNotServing(): void {
    this.#health.drain();
  }

  /** Takes no new calls; resolves when those in flight have ended. HTTP goes on: probes and scrapes want to see it. */
  async drain(): Promise<void> {
    await this.#grpc?.drain();
  }

  /** Cuts the gRPC calls that are left. */
  cut(): void {
    this.#grpc?.close();
  }

  async close(): Promise<void> {
    this.cut();
    await this.#http?.close();
  }

  #buildGrpc(): GrpcTransport {
    const { config, clock, logger, metrics } = this.#options;
    const { address, port } = config.grpc;
    const methods = this.#methods();
    return new GrpcTransport({
      ...config.grpc,
      address: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`,
      maxOpenCalls: config.queue.maxCallsInFlight,
      methods: [...methods, ...reflectionMethods(methods)],
      clock,
      logger,
      recorder: metrics,
    });
  }

  #methods(): RpcMethod[] {
    const { config, readiness } = this.#options;
    const oip = oipMethods({
      ...config.grpc,
      ...this.#options,
      callerKey: config.callers.metadataKey,
      serverReady: () => readiness().ready,
      serverId: config.server.id,
      version: VERSION,
      allowRuntimeSettings: config.server.allowRuntimeSettings,
    });
    return [...oip, ...this.#health.methods()];
  }

  #buildHttp(): HttpServer {
    const { config, live, readiness, logger, metrics, scheduler } = this.#options;
    return new HttpServer({
      host: config.http.address,
      port: config.http.port,
      live: () => ({ ok: live(), reason: 'the server has stopped' }),
      ready: () => {
        const { ready, reason } = readiness();
        return { ok: ready, reason };
      },
      ...(config.metrics.enabled && { metrics, scheduler }),
      logger,
    });
  }
}
