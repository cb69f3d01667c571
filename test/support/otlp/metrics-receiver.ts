import { EventEmitter } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { REPOSITORY_ROOT } from '../use-gateway.js';

/** A series as it came, in plain values. */
export interface ReceivedSeries {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  /** Of sums and histograms; 2 is cumulative. */
  readonly temporality: number | undefined;
  readonly monotonic: boolean | undefined;
  readonly attributes: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly atMs: number;
  /** Of gauges and sums. */
  readonly value: number | undefined;
  readonly histogram:
    | {
        readonly count: number;
        readonly sum: number;
        readonly counts: readonly number[];
        readonly bounds: readonly number[];
      }
    | undefined;
  readonly resource: Readonly<Record<string, string>>;
}

const DEFINITION = loadSync(join(REPOSITORY_ROOT, 'test/support/otlp/metrics.proto'), {
  longs: String,
  arrays: true,
  oneofs: true,
})['opentelemetry.proto.collector.metrics.v1.MetricsService'] as ServiceDefinition;

type RawAttributes = readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
interface RawPoint {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
  readonly asDouble?: number;
  readonly count?: string;
  readonly sum?: number;
  readonly bucketCounts?: readonly string[];
  readonly explicitBounds?: readonly number[];
  readonly attributes: RawAttributes;
}
interface RawMetric {
  readonly name: string;
  readonly unit?: string;
  readonly data: ReceivedSeries['kind'];
  readonly [kind: string]: unknown;
}
interface RawRequest {
  readonly resourceMetrics: readonly {
    readonly resource: { readonly attributes: RawAttributes };
    readonly scopeMetrics: readonly { readonly metrics: readonly RawMetric[] }[];
  }[];
}

/** A collector in this process: takes metrics by OTLP over gRPC, and over HTTP as protobuf, and decodes them by the protocol. */
export interface MetricsReceiver {
  readonly grpcPort: number;
  readonly httpPort: number;
  /** The path of the last HTTP request. */
  readonly path: () => string | undefined;
  /** Resolves with the series of the first export, of those that are still to come, that fulfils this; fails after 10 s. */
  next(wanted: (series: readonly ReceivedSeries[]) => boolean): Promise<readonly ReceivedSeries[]>;
}

/** A receiver that is closed with the test. */
export async function useMetricsReceiver(t: TestContext): Promise<MetricsReceiver> {
  const arrivals = new EventEmitter();
  const method = DEFINITION['Export'];
  let path: string | undefined;
  const take = (request: RawRequest): void => void arrivals.emit('export', seriesOf(request));
  const grpc = new Server();
  grpc.addService(DEFINITION, {
    Export: (call: { request: RawRequest }, callback: (error: null, response: object) => void) => {
      take(call.request);
      callback(null, {});
    },
  });
  const http = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      path = request.url;
      take(method?.requestDeserialize(Buffer.concat(parts)) as RawRequest);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  t.after(() => {
    grpc.forceShutdown();
    http.closeAllConnections();
    http.close();
  });
  const grpcPort = await new Promise<number>((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
      error === null ? resolve(port) : reject(error),
    ),
  );
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    grpcPort,
    httpPort: (http.address() as AddressInfo).port,
    path: () => path,
    next: (wanted) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('no such export within 10 s')), 10_000);
        const look = (series: readonly ReceivedSeries[]): void => {
          if (!wanted(series)) return;
          clearTimeout(timer);
          arrivals.off('export', look);
          resolve(series);
        };
        arrivals.on('export', look);
      }),
  };
}

function seriesOf({ resourceMetrics }: RawRequest): ReceivedSeries[] {
  return resourceMetrics.flatMap(({ resource, scopeMetrics }) => {
    const about = valuesOf(resource.attributes);
    return scopeMetrics.flatMap(({ metrics }) => metrics.flatMap((metric) => seriesIn(metric, about)));
  });
}

function seriesIn(metric: RawMetric, resource: ReceivedSeries['resource']): ReceivedSeries[] {
  const { name, unit = '', data: kind } = metric;
  const { dataPoints, aggregationTemporality, isMonotonic } = metric[kind] as {
    readonly dataPoints: readonly RawPoint[];
    readonly aggregationTemporality?: number;
    readonly isMonotonic?: boolean;
  };
  return dataPoints.map((point) => ({
    ...{ name, unit, kind, temporality: aggregationTemporality, monotonic: isMonotonic, resource },
    attributes: valuesOf(point.attributes),
    startMs: Number(BigInt(point.startTimeUnixNano) / 1_000_000n),
    atMs: Number(BigInt(point.timeUnixNano) / 1_000_000n),
    value: point.asDouble,
    histogram:
      kind === 'histogram'
        ? {
            count: Number(point.count),
            sum: point.sum ?? 0,
            counts: (point.bucketCounts ?? []).map(Number),
            bounds: point.explicitBounds ?? [],
          }
        : undefined,
  }));
}

function valuesOf(attributes: RawAttributes): Record<string, string> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, String(value[value['value'] as string])]),
  );
}
