/** What one of OpenTelemetry's variables says of a setting. */
export interface OtelValue {
  readonly path: string;
  readonly name: string;
  readonly text: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables that say the same as a setting; of several the first that is there. */
const SAME: readonly (readonly [path: string, ...names: string[]])[] = [
  ['trace.protocol', 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
  ['trace.tryTimeoutMs', 'OTEL_EXPORTER_OTLP_TRACES_TIMEOUT', 'OTEL_EXPORTER_OTLP_TIMEOUT'],
  ['trace.sampler', 'OTEL_TRACES_SAMPLER'],
  ['trace.ratio', 'OTEL_TRACES_SAMPLER_ARG'],
  ['trace.serviceName', 'OTEL_SERVICE_NAME'],
  ['trace.resourceAttributes', 'OTEL_RESOURCE_ATTRIBUTES'],
  ['trace.maxQueueSpans', 'OTEL_BSP_MAX_QUEUE_SIZE'],
  ['trace.maxExportSpans', 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE'],
  ['trace.exportDelayMs', 'OTEL_BSP_SCHEDULE_DELAY'],
  ['trace.exportTimeoutMs', 'OTEL_BSP_EXPORT_TIMEOUT'],
];

/**
 * What OpenTelemetry's standard variables (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables) say of the
 * settings of traces. An empty one counts as unset. Headers, compression and certificates are left to the exporter.
 */
export function readOtelEnvironment(env: Environment): OtelValue[] {
  const found: OtelValue[] = [];
  for (const [path, ...names] of SAME) {
    const name = names.find((each) => given(env, each) !== undefined);
    if (name !== undefined) found.push({ path, name, text: given(env, name) as string });
  }
  const endpoint = endpointIn(env);
  if (endpoint !== undefined) found.push(endpoint);
  const exporter = exporterIn(env, endpoint);
  if (exporter !== undefined) found.push(exporter);
  const optIn = (given(env, 'OTEL_SEMCONV_STABILITY_OPT_IN') ?? '').split(',').map((each) => each.trim());
  if (optIn.includes('rpc/dup'))
    found.push({ path: 'trace.oldNames', name: 'OTEL_SEMCONV_STABILITY_OPT_IN', text: 'true' });
  return found;
}

/** The general endpoint is where the paths of all signals begin, except for gRPC, which has none. */
function endpointIn(env: Environment): OtelValue | undefined {
  const path = 'trace.endpoint';
  const own = given(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  if (own !== undefined) return { path, name: 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', text: own };
  const general = given(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  if (general === undefined) return undefined;
  const protocol =
    given(env, 'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL') ?? given(env, 'OTEL_EXPORTER_OTLP_PROTOCOL');
  const text = protocol === 'grpc' ? general : `${general.replace(/\/+$/, '')}/v1/traces`;
  return { path, name: 'OTEL_EXPORTER_OTLP_ENDPOINT', text };
}

/** An endpoint that is named is meant to be used; without one nothing is sent anywhere. */
function exporterIn(env: Environment, endpoint: OtelValue | undefined): OtelValue | undefined {
  const path = 'trace.exporter';
  const off = given(env, 'OTEL_SDK_DISABLED');
  if (off?.toLowerCase() === 'true') return { path, name: 'OTEL_SDK_DISABLED', text: 'none' };
  const named = given(env, 'OTEL_TRACES_EXPORTER');
  if (named !== undefined) return { path, name: 'OTEL_TRACES_EXPORTER', text: named };
  return endpoint && { path, name: endpoint.name, text: 'otlp' };
}

function given(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}
