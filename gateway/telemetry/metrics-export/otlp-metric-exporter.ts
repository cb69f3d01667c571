import { createRequire } from 'node:module';
import type { metrics as sdk } from '@opentelemetry/sdk-node';
import { GatewayError } from '../../core/error.js';
import type { OtlpProtocol } from '../tracing/otlp-exporter.js';

export interface OtlpMetricOptions {
  readonly protocol: OtlpProtocol;
  /** @default what OTEL_EXPORTER_OTLP_ENDPOINT says, else this machine */
  readonly endpoint: string | undefined;
  /** After which one try of an export is given up. */
  readonly tryTimeoutMs: number;
  /** What is said of this server in every export. */
  readonly resource: Readonly<Record<string, string | number>>;
  readonly version: string;
}

/** Where metrics go. */
export interface MetricExporter {
  /** `done` is called once, with what went wrong if something did. May throw. */
  export(metrics: sdk.MetricData[], done: (failure: unknown) => void): void;
  /** Ends its connection. Never rejects. */
  shutdown(): Promise<void>;
}

const PACKAGES: Readonly<Record<OtlpProtocol, string>> = {
  grpc: '@opentelemetry/exporter-metrics-otlp-grpc',
  'http/protobuf': '@opentelemetry/exporter-metrics-otlp-proto',
  'http/json': '@opentelemetry/exporter-metrics-otlp-http',
};

interface ExporterPackage {
  readonly OTLPMetricExporter: new (config: {
    url?: string;
    timeoutMillis: number;
  }) => sdk.PushMetricExporter;
}

/** As openOtlpExporter, for metrics: loaded here and not before. Throws a GatewayError when it is not there, or cannot use the endpoint. */
export function openOtlpMetricExporter(options: OtlpMetricOptions): MetricExporter {
  const { protocol, endpoint, tryTimeoutMs: timeoutMillis, resource, version } = options;
  let exporter: sdk.PushMetricExporter;
  try {
    const fromSdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
    const { OTLPMetricExporter } = fromSdk(PACKAGES[protocol]) as ExporterPackage;
    exporter = new OTLPMetricExporter({ timeoutMillis, ...(endpoint !== undefined && { url: endpoint }) });
  } catch (thrown) {
    const message = `metrics cannot be exported by ${protocol}: ${(thrown as Error).message}`;
    throw new GatewayError('FAILED_PRECONDITION', message, { cause: thrown });
  }
  const shared = { attributes: resource } as unknown as sdk.ResourceMetrics['resource'];
  return {
    export(metrics, done) {
      const scopeMetrics = [{ scope: { name: 'sluice', version }, metrics }];
      exporter.export({ resource: shared, scopeMetrics }, ({ code, error }) =>
        done(code === 0 ? undefined : (error ?? new Error('the export failed'))),
      );
    },
    async shutdown() {
      await exporter.shutdown().catch(() => {});
    },
  };
}
