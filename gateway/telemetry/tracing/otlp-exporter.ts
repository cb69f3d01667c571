import { createRequire } from 'node:module';
import type { api, tracing } from '@opentelemetry/sdk-node';
import { GatewayError } from '../../core/error.js';
import type { SpanIdentity } from '../../core/span-identity.js';
import type { Epoch } from './epoch.js';
import type { SpanData } from './span.js';
import type { SpanExporter } from './span-queue.js';

/** How OTLP is spoken, by the names of OTEL_EXPORTER_OTLP_PROTOCOL. */
export type OtlpProtocol = 'grpc' | 'http/protobuf' | 'http/json';

export interface OtlpOptions {
  readonly protocol: OtlpProtocol;
  /** @default what OTEL_EXPORTER_OTLP_ENDPOINT says, else this machine */
  readonly endpoint?: string | undefined;
  /** After which one try of an export is given up. */
  readonly tryTimeoutMs: number;
  /** What is said of this server in every export. */
  readonly resource: Readonly<Record<string, string | number>>;
  readonly version: string;
  readonly epoch: Epoch;
}

/** The SDK's package for each protocol. */
const PACKAGES: Readonly<Record<OtlpProtocol, string>> = {
  grpc: '@opentelemetry/exporter-trace-otlp-grpc',
  'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto',
  'http/json': '@opentelemetry/exporter-trace-otlp-http',
};

interface ExporterPackage {
  readonly OTLPTraceExporter: new (config: { url?: string; timeoutMillis: number }) => tracing.SpanExporter;
}

/**
 * OpenTelemetry's exporter for a protocol; it reads OTEL_EXPORTER_OTLP_HEADERS, _COMPRESSION and the certificates
 * from the environment itself. Its package is loaded here and not before, and without the rest of the SDK, which takes three times
 * as long to load. Throws a GatewayError when it is not there, or cannot use the endpoint.
 */
export function openOtlpExporter(options: OtlpOptions): SpanExporter {
  const { protocol, endpoint, tryTimeoutMs: timeoutMillis } = options;
  try {
    const fromSdk = createRequire(createRequire(import.meta.url).resolve('@opentelemetry/sdk-node'));
    const { OTLPTraceExporter } = fromSdk(PACKAGES[protocol]) as ExporterPackage;
    return adapt(
      new OTLPTraceExporter({ timeoutMillis, ...(endpoint !== undefined && { url: endpoint }) }),
      options,
    );
  } catch (thrown) {
    const message = `traces cannot be exported by ${protocol}: ${(thrown as Error).message}`;
    throw new GatewayError('FAILED_PRECONDITION', message, { cause: thrown });
  }
}

function adapt(exporter: tracing.SpanExporter, { resource, version, epoch }: OtlpOptions): SpanExporter {
  const shared: Shared = {
    epoch,
    resource: { attributes: resource } as unknown as tracing.ReadableSpan['resource'],
    scope: { name: 'sluice', version },
  };
  return {
    export(spans, done) {
      epoch.refresh();
      exporter.export(
        spans.map((span) => new ExportedSpan(span, shared)),
        ({ code, error }) => done(code === 0 ? undefined : (error ?? new Error('the export failed'))),
      );
    },
    async shutdown() {
      await exporter.shutdown().catch(() => {});
    },
  };
}

/** What all spans of this server have in common. */
interface Shared {
  readonly epoch: Epoch;
  readonly resource: tracing.ReadableSpan['resource'];
  readonly scope: tracing.ReadableSpan['instrumentationScope'];
}

const NO_EVENTS: tracing.ReadableSpan['events'] = [];

/** SpanStatusCode.UNSET: of a server, a span that is well says nothing. */
const UNSET = { code: 0 };

/** A span in the form that exporters take. A class, since objects of one shape are built, and read, several times as fast. */
class ExportedSpan implements tracing.ReadableSpan {
  readonly name: string;
  readonly kind: api.SpanKind;
  readonly parentSpanContext?: api.SpanContext;
  readonly startTime: api.HrTime;
  readonly endTime: api.HrTime;
  readonly duration: api.HrTime;
  readonly status: api.SpanStatus;
  readonly attributes: api.Attributes;
  readonly links: api.Link[];
  readonly events = NO_EVENTS;
  readonly ended = true;
  readonly resource: tracing.ReadableSpan['resource'];
  readonly instrumentationScope: tracing.ReadableSpan['instrumentationScope'];
  readonly droppedAttributesCount = 0;
  readonly droppedEventsCount = 0;
  readonly droppedLinksCount: number;
  readonly #context: api.SpanContext;

  constructor(span: SpanData, { epoch, resource, scope }: Shared) {
    const { identity, startedAt, error } = span;
    const { traceId, parentSpanId: spanId, remoteParent: isRemote } = identity;
    const endedAt = Math.max(startedAt, span.endedAt);
    const durationMs = endedAt - startedAt;
    this.name = span.name;
    // SpanKind.SERVER and SpanKind.INTERNAL.
    this.kind = span.kind === 'server' ? 1 : 0;
    if (spanId !== '') this.parentSpanContext = { traceId, spanId, traceFlags: 1, isRemote };
    this.startTime = epoch.at(startedAt);
    this.endTime = epoch.at(endedAt);
    this.duration = [Math.floor(durationMs / 1000), Math.round((durationMs % 1000) * 1e6)];
    // SpanStatusCode.ERROR.
    this.status = error === undefined ? UNSET : { code: 2, message: error };
    this.attributes = span.attributes;
    this.links = span.links.map((link) => ({ context: contextOf(link) }));
    this.resource = resource;
    this.instrumentationScope = scope;
    this.droppedLinksCount = span.droppedLinks;
    this.#context = contextOf(identity);
  }

  spanContext(): api.SpanContext {
    return this.#context;
  }
}

function contextOf({ traceId, spanId, state }: SpanIdentity): api.SpanContext {
  if (state === '') return { traceId, spanId, traceFlags: 1 };
  return { traceId, spanId, traceFlags: 1, traceState: { serialize: () => state } as api.TraceState };
}
