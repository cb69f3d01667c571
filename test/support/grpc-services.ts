import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { credentials, type GrpcObject, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { systemClock } from '../../gateway/core/clock.js';
import type { Infer } from '../../gateway/core/infer-call.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { GrpcTransport } from '../../gateway/grpc/grpc-transport.js';
import { HealthService } from '../../gateway/grpc/health.js';
import { type OipServiceOptions, oipMethods } from '../../gateway/grpc/oip-service.js';
import { reflectionMethods } from '../../gateway/grpc/reflection.js';
import { NO_CONTROL } from '../../gateway/repository/explicit-control.js';
import { Metrics } from '../../gateway/telemetry/metrics.js';
import { Statistics } from '../../gateway/telemetry/statistics.js';
import { TraceKeeper } from '../../gateway/telemetry/trace-control.js';
import { FakeCatalog } from './fake-catalog.js';
import { RawClient } from './raw-grpc.js';

const proto = fileURLToPath(new URL('../../../proto', import.meta.url));
const packages = loadPackageDefinition(
  loadSync(
    [
      'inference/grpc_service.proto',
      'grpc/health/v1/health.proto',
      'grpc/reflection/v1/reflection.proto',
      'grpc/reflection/v1alpha/reflection.proto',
    ],
    { includeDirs: [proto], keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
  ),
);

/** A message as proto-loader has it. */
export type Plain = Record<string, unknown>;
/** A streaming call of grpc-js's dynamic clients. */
export interface Stream {
  write(message: Plain): void;
  end(): void;
  cancel(): void;
  pause(): void;
  resume(): void;
  on(event: string, listener: (value: Plain) => void): Stream;
}
type Callback = (error: ServiceError | null, answer: Plain) => void;
/** A dynamic client: methods by name. */
export type Client = { close(): void } & Record<string, (request?: Plain, callback?: Callback) => Stream>;

/** A client of the service that is named by its whole path; its user closes it. */
export function service(path: string, port: number): Client {
  let found: unknown = packages;
  for (const part of path.split('.')) found = (found as GrpcObject)[part];
  const Constructor = found as new (address: string, security: unknown) => Client;
  return new Constructor(`127.0.0.1:${port}`, credentials.createInsecure());
}

/** A client of Triton's service at a port; to be closed. */
export function inferenceClient(port: number): Client {
  return service('inference.GRPCInferenceService', port);
}

/** One unary call. */
export function ask(client: Client, method: string, request: Plain): Promise<Plain> {
  return new Promise((resolve, reject) => {
    client[method]?.(request, (error, answer) => (error === null ? resolve(answer) : reject(error)));
  });
}

/** The messages of a stream as they come, and its final status. */
export function collect(stream: Stream): { next: () => Promise<Plain>; status: Promise<number> } {
  const waiting: Plain[] = [];
  let wake: () => void = () => {};
  stream.on('data', (message) => {
    waiting.push(message);
    wake();
  });
  stream.on('error', () => {});
  const status = new Promise<number>((resolve) =>
    stream.on('status', (end) => resolve(end['code'] as number)),
  );
  const next = async (): Promise<Plain> => {
    if (waiting.length === 0)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    return waiting.shift() as Plain;
  };
  return { next, status };
}

/** All services over a fake catalog, on a free port, with clients; all end with the test. */
export async function startServices(
  t: TestContext,
  infer: Infer = () => Promise.reject(new Error('not called')),
  options: Partial<OipServiceOptions> = {},
) {
  const catalog = new FakeCatalog();
  const state = { ready: true };
  const serverReady = (): boolean => state.ready;
  const health = new HealthService({ catalog, serverReady });
  const oip = oipMethods({
    infer,
    catalog,
    serverReady,
    live: () => true,
    clock: systemClock,
    version: '1.2.3',
    statistics: new Statistics(new Metrics()),
    tracing: new TraceKeeper(),
    models: NO_CONTROL,
    logger: silentLogger,
    ...options,
  });
  const served = [...oip, ...health.methods()];
  const transport = new GrpcTransport({
    address: '127.0.0.1:0',
    methods: [...served, ...reflectionMethods(served)],
    clock: systemClock,
    logger: silentLogger,
  });
  const port = await transport.listen();
  const clients: Client[] = [];
  const raw = new RawClient(port);
  t.after(() => {
    for (const client of clients) client.close();
    raw.close();
    health.drain();
    transport.close();
  });
  const connect = (path: string): Client => {
    const client = service(path, port);
    clients.push(client);
    return client;
  };
  return {
    paths: served.map(({ path }) => path),
    catalog,
    state,
    health,
    transport,
    port,
    raw,
    connect,
    inference: connect('inference.GRPCInferenceService'),
  };
}
