import { bool, choice, fraction, integer, list, optionalText, text } from './setting.js';

/** Traces: what is sampled, and where it goes. OpenTelemetry's own variables stand behind these: see otel-environment. */
export const TRACE_SETTINGS = {
  exporter: choice(['none', 'otlp'], {
    default: 'none',
    flag: 'trace-exporter',
    why: 'Whether traces are made and sent, and how. OTEL_TRACES_EXPORTER and OTEL_SDK_DISABLED say it, too; an endpoint in OTEL_EXPORTER_OTLP_ENDPOINT is enough.',
  }),
  protocol: choice(['http/protobuf', 'http/json', 'grpc'], {
    default: 'http/protobuf',
    flag: 'trace-protocol',
    why: 'How OTLP is spoken (OTEL_EXPORTER_OTLP_PROTOCOL).',
  }),
  endpoint: optionalText({
    default: undefined,
    defaultText: 'port 4317 (grpc) or 4318 of this machine',
    flag: 'trace-endpoint',
    pattern: /^https?:\/\/[^\s]{1,1000}$/,
    wanted: 'an http:// or https:// address',
    placeholder: 'url',
    why: 'Where traces go: for HTTP the whole address with its path, `http://collector:4318/v1/traces` (OTEL_EXPORTER_OTLP_ENDPOINT, without the path, or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT).',
  }),
  sampler: choice(
    [
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
      'always_on',
      'always_off',
      'traceidratio',
    ],
    {
      default: 'parentbased_always_on',
      placeholder: 'name',
      why: 'Which calls are sampled (OTEL_TRACES_SAMPLER). `parentbased` ones do as the client does that sends a trace context.',
    },
  ),
  ratio: fraction({
    default: 1,
    why: 'Share of the calls that the `traceidratio` samplers take (OTEL_TRACES_SAMPLER_ARG).',
  }),
  slowMs: integer({
    default: 1000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    why: 'Calls that take longer are kept, sampled or not, as failed ones are.',
  }),
  maxKeptPerSec: integer({
    default: 1000,
    min: 0,
    max: 1_000_000,
    why: 'Calls a second that are kept beyond the sample at most, failed or slow: a flood of refusals must not become a flood of spans.',
  }),
  serviceName: text({
    default: 'sluice',
    pattern: /^[^\p{Cc}]{1,255}$/u,
    wanted: 'at most 255 characters',
    placeholder: 'name',
    why: 'The name of this service in traces (OTEL_SERVICE_NAME).',
  }),
  resourceAttributes: list({
    default: [],
    pattern: /^[^=,\s]{1,255}=[^,]{0,1000}$/,
    wanted: 'key=value',
    separator: ',',
    placeholder: 'key=value',
    why: 'What else is said of this server in traces, values percent-encoded (OTEL_RESOURCE_ATTRIBUTES).',
  }),
  baggage: list({
    default: [],
    pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,128}$/,
    wanted: 'the key of a member',
    separator: ',',
    placeholder: 'key',
    why: 'Members of a `baggage` header that become attributes of the call, `baggage.<key>`.',
  }),
  oldNames: bool({
    default: false,
    why: 'Whether spans also have the attributes that OpenTelemetry named otherwise before its conventions for RPC were stable (OTEL_SEMCONV_STABILITY_OPT_IN=rpc/dup).',
  }),
  debugTrailer: bool({
    default: true,
    why: 'Whether a call with the metadata `sluice-debug: 1` is told its timeline.',
  }),
  maxQueueSpans: integer({
    default: 2048,
    min: 1,
    max: 1_000_000,
    why: 'Spans that may wait to be sent; more are dropped and counted (OTEL_BSP_MAX_QUEUE_SIZE).',
  }),
  maxExportSpans: integer({
    default: 512,
    min: 1,
    max: 100_000,
    why: 'Spans that are sent at once (OTEL_BSP_MAX_EXPORT_BATCH_SIZE).',
  }),
  exportDelayMs: integer({
    default: 5000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    why: 'How long spans may wait for others (OTEL_BSP_SCHEDULE_DELAY).',
  }),
  exportTimeoutMs: integer({
    default: 30_000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
    why: 'After which an export has failed, all its tries together (OTEL_BSP_EXPORT_TIMEOUT).',
  }),
  tryTimeoutMs: integer({
    default: 10_000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
    why: 'After which one try of an export is given up (OTEL_EXPORTER_OTLP_TIMEOUT).',
  }),
  flushMs: integer({
    default: 2000,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    why: 'How long a server that ends may take to send what spans it has.',
  }),
};
