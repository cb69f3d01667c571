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
  ['metrics.protocol', 'OTEL_EXPORTER_OTLP_METRICS_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'],
  ['metrics.exportIntervalMs', 'OTEL_METRIC_EXPORT_INTERVAL'],
  ['metrics.exportTimeoutMs', 'OTEL_METRIC_EXPORT_TIMEOUT'],
];

/**
 * What OpenTelemetry's standard variables (opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables) say of the
 * settings of traces and metrics. An empty one counts as unset. Headers, compression and certificates are left to the exporter.
 */
export function readOtelEnvironment(env: Environment): OtelValue[] {
  const found: OtelValue[] = [];
  for (const [path, ...names] of SAME) {
    const name = names.find((each) => given(env, each) !== undefined);
    if (name !== undefined) found.push({ path, name, text: given(env, name) as string });
  }
  const endpoint = endpointIn(env, 'trace');
  for (const each of [endpoint, endpointIn(env, 'metrics')]) if (each !== undefined) found.push(each);
  found.push(...exportersIn(env, endpoint));
  const optIn = (given(env, 'OTEL_SEMCONV_STABILITY_OPT_IN') ?? '').split(',').map((each) => each.trim());
  if (optIn.includes('rpc/dup'))
    found.push({ path: 'trace.oldNames', name: 'OTEL_SEMCONV_STABILITY_OPT_IN', text: 'true' });
  return found;
}

type Signal = 'trace' | 'metrics';

/** As variables name a signal, and the path of its endpoint. */
const SIGNALS: Readonly<Record<Signal, readonly [word: string, path: string]>> = {
  trace: ['TRACES', '/v1/traces'],
  metrics: ['METRICS', '/v1/metrics'],
};

/** The general endpoint is where the paths of all signals begin, except for gRPC, which has none. */
function endpointIn(env: Environment, signal: Signal): OtelValue | undefined {
  const path = `${signal}.endpoint`;
  const [word, place] = SIGNALS[signal];
  const own = given(env, `OTEL_EXPORTER_OTLP_${word}_ENDPOINT`);
  if (own !== undefined) return { path, name: `OTEL_EXPORTER_OTLP_${word}_ENDPOINT`, text: own };
  const general = given(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  if (general === undefined) return undefined;
  const protocol =
    given(env, `OTEL_EXPORTER_OTLP_${word}_PROTOCOL`) ?? given(env, 'OTEL_EXPORTER_OTLP_PROTOCOL');
  const text = protocol === 'grpc' ? general : `${general.replace(/\/+$/, '')}${place}`;
  return { path, name: 'OTEL_EXPORTER_OTLP_ENDPOINT', text };
}

/** An endpoint that is named is meant to be used for traces; without one nothing is sent anywhere. */
function exportersIn(env: Environment, endpoint: OtelValue | undefined): OtelValue[] {
  const off = given(env, 'OTEL_SDK_DISABLED');
  if (off?.toLowerCase() === 'true')
    return ['trace.exporter', 'metrics.exporter'].map((path) => ({
      path,
      name: 'OTEL_SDK_DISABLED',
      text: 'none',
    }));
  const found: OtelValue[] = [];
  const named = given(env, 'OTEL_TRACES_EXPORTER');
  const path = 'trace.exporter';
  if (named !== undefined) found.push({ path, name: 'OTEL_TRACES_EXPORTER', text: named });
  else if (endpoint !== undefined) found.push({ path, name: endpoint.name, text: 'otlp' });
  const name = 'OTEL_METRICS_EXPORTER';
  const metrics = given(env, name);
  if (metrics !== undefined) found.push({ path: 'metrics.exporter', name, text: pushed(metrics) });
  return found;
}

/** Prometheus is answered anyway: it is no exporter here. */
function pushed(exporters: string): string {
  const others = exporters
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== 'prometheus');
  return others.length === 0 ? 'none' : others.join(',');
}

function given(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === '' ? undefined : value;
}
