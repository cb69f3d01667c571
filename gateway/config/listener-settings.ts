import { bool, choice, integer, list, optionalText, text } from './setting.js';

/** A host name, an IPv4 or an IPv6 address (without brackets); no port. */
const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?)$/;
const HOST_WANTED = 'a host name or an IP address, without a port (IPv6 without brackets)';
const DAY_MS = 86_400_000;

const address = (protocol: string) =>
  text({
    default: '127.0.0.1',
    placeholder: 'host',
    pattern: HOST,
    wanted: HOST_WANTED,
    why: `Where ${protocol} listens. Loopback unless told otherwise; 0.0.0.0 opens it to the network (Triton's default).`,
  });

/** The gRPC listener. */
export const GRPC_SETTINGS = {
  enabled: bool({ default: true, flag: 'allow-grpc', why: 'Whether gRPC is served at all.' }),
  address: address('gRPC'),
  port: integer({
    default: 8001,
    min: 0,
    max: 65535,
    flag: 'grpc-port',
    aliases: ['port'],
    why: 'The gRPC port; 0 takes any free one.',
  }),
  maxMessageBytes: integer({
    default: 64 * 1024 * 1024,
    min: 1024,
    max: 2 ** 31 - 1,
    unit: 'bytes',
    why: 'Largest request and response. A larger one is refused with RESOURCE_EXHAUSTED.',
  }),
  maxDeadlineMs: integer({
    default: 30_000,
    min: 1,
    max: DAY_MS,
    unit: 'ms',
    why: 'Longest time a call may take, whatever deadline it asks for; calls without a deadline get this one.',
  }),
  maxConcurrentStreams: integer({
    default: 1000,
    min: 1,
    max: 1_000_000,
    why: 'Calls that one connection may have open at once; clients queue what is above.',
  }),
  maxConnections: integer({
    default: 10_000,
    min: 1,
    max: 1_000_000,
    why: 'Connections open at once. One more takes the place of one whose client has said nothing yet, or is closed.',
  }),
  openingTimeoutMs: integer({
    default: 5000,
    min: 100,
    max: DAY_MS,
    unit: 'ms',
    flag: 'grpc-opening-timeout',
    why: 'How long a client may take to open HTTP/2 on a new connection; silent ones are closed then.',
  }),
  sendStallMs: integer({
    default: 10_000,
    min: 100,
    max: DAY_MS,
    unit: 'ms',
    flag: 'grpc-send-stall',
    why: 'How long a client may take nothing of an answer that waits for it; its call, or its connection, ends then.',
  }),
  maxWireBytes: integer({
    default: 256 * 1024 * 1024,
    min: 1024 * 1024,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    why: 'Bytes of incomplete requests and untaken answers, over all connections; beyond, requests are refused with UNAVAILABLE.',
  }),
  earlyRefusal: bool({
    default: true,
    why: 'Whether, where reading requests is itself the bottleneck and much is refused in the end, a share of ModelInfer calls is refused before its message is read.',
  }),
  maxStreamInFlight: integer({
    default: 64,
    min: 1,
    max: 10_000,
    why: 'Requests of one ModelStreamInfer call that are taken and not yet answered; the client keeps what is above.',
  }),
  keepaliveTimeMs: integer({
    default: 60_000,
    min: 1000,
    max: DAY_MS,
    unit: 'ms',
    flag: 'grpc-keepalive-time',
    why: 'Idle time after which a connection is pinged, so that vanished clients are noticed.',
  }),
  keepaliveTimeoutMs: integer({
    default: 20_000,
    min: 100,
    max: DAY_MS,
    unit: 'ms',
    flag: 'grpc-keepalive-timeout',
    why: 'How long a ping may stay unanswered before its connection is closed.',
  }),
  maxConnectionAgeMs: integer({
    default: 300_000,
    min: 0,
    max: 30 * DAY_MS,
    unit: 'ms',
    flag: 'grpc-max-connection-age',
    why: 'Age at which a connection is asked to reconnect, give or take a tenth, so that load spreads over new replicas; 0 for never.',
  }),
  maxConnectionIdleMs: integer({
    default: 0,
    min: 0,
    max: 30 * DAY_MS,
    unit: 'ms',
    flag: 'grpc-max-connection-idle',
    why: 'Time without a call after which a connection is asked to go; 0 for never.',
  }),
  maxConnectionAgeGraceMs: integer({
    default: 30_000,
    min: 0,
    max: DAY_MS,
    unit: 'ms',
    flag: 'grpc-max-connection-age-grace',
    why: 'How long calls may go on after their connection has reached its age.',
  }),
};

/** The HTTP listener: inference in JSON, probes and metrics. */
export const HTTP_SETTINGS = {
  enabled: bool({
    default: true,
    flag: 'allow-http',
    why: 'Whether HTTP is served at all: inference in JSON, probes, metrics.',
  }),
  address: address('HTTP'),
  port: integer({
    default: 8000,
    min: 0,
    max: 65535,
    flag: 'http-port',
    aliases: ['rest-api-port'],
    why: 'The HTTP port; 0 takes any free one.',
  }),
  maxBodyBytes: integer({
    default: 64 * 1024 * 1024,
    min: 1024,
    max: 2 ** 31 - 1,
    unit: 'bytes',
    why: 'Largest body of a request, packed or not. A larger one is refused with 413.',
  }),
  maxHeldBytes: integer({
    default: 256 * 1024 * 1024,
    min: 1024 * 1024,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    why: 'Bytes of the bodies of all requests that are not answered yet; beyond, requests are refused with 503.',
  }),
  nonFinite: choice(['null', 'tokens'], {
    default: 'null',
    why: 'What stands in JSON for NaN and the infinities: `null`, which any parser reads (the output says how many there are), or the tokens `NaN`, `Infinity` and `-Infinity`, which Python reads. In requests the tokens are always taken.',
  }),
  int64Strings: bool({
    default: false,
    why: 'Whether integers beyond 2^53 are answered as texts, for JavaScript and others whose numbers are doubles. In requests both are always taken.',
  }),
  allowedHosts: list({
    default: [],
    defaultText: 'on loopback localhost and its addresses, elsewhere any',
    placeholder: 'host',
    pattern: HOST,
    wanted: HOST_WANTED,
    separator: ',',
    why: 'Hosts by which HTTP may be called: the Host header must name one of them, else the answer is 421. On loopback they come on top of its own names; elsewhere addresses are good, too. It keeps out pages whose name was made to lead here (DNS rebinding).',
  }),
  allowedOrigins: list({
    default: [],
    defaultText: 'none',
    placeholder: 'origin',
    pattern: /^https?:\/\/[^\s/?#@]{1,255}$/,
    wanted: 'an origin such as https://example.org, without a path',
    separator: ',',
    why: 'Origins of web pages whose requests are answered, and whose scripts may read the answers (CORS); those of any other than the server itself are refused with 403.',
  }),
};

/** Metrics. */
export const METRICS_SETTINGS = {
  enabled: bool({
    default: true,
    flag: 'allow-metrics',
    why: 'Whether metrics are counted and served: at `/metrics` on the HTTP port, and on a port of their own.',
  }),
  ownPort: bool({
    default: true,
    why: 'Whether they have a port of their own beside the HTTP port.',
  }),
  address: optionalText({
    default: undefined,
    defaultText: 'that of `http.address`',
    placeholder: 'host',
    pattern: HOST,
    wanted: HOST_WANTED,
    why: 'Where that port listens. Encryption, tokens, hosts and origins are those of HTTP.',
  }),
  port: integer({
    default: 8002,
    min: 0,
    max: 65535,
    why: 'The metrics port; 0 takes any free one.',
  }),
  compat: choice(['none', 'triton'], {
    default: 'none',
    why: "Whose metrics are given beside the server's own: with `triton` the `nv_inference_*` that dashboards and autoscaling rules of a Triton read.",
  }),
  exporter: choice(['none', 'otlp'], {
    default: 'none',
    why: 'Whether metrics are sent by OTLP, too (OTEL_METRICS_EXPORTER).',
  }),
  protocol: choice(['http/protobuf', 'http/json', 'grpc'], {
    default: 'http/protobuf',
    why: 'How OTLP is spoken for them (OTEL_EXPORTER_OTLP_METRICS_PROTOCOL, OTEL_EXPORTER_OTLP_PROTOCOL).',
  }),
  endpoint: optionalText({
    default: undefined,
    defaultText: 'port 4317 (grpc) or 4318 of this machine',
    pattern: /^https?:\/\/[^\s]{1,1000}$/,
    wanted: 'an http:// or https:// address',
    placeholder: 'url',
    why: 'Where they go: for HTTP the whole address with its path, `http://collector:4318/v1/metrics` (OTEL_EXPORTER_OTLP_ENDPOINT, without the path, or OTEL_EXPORTER_OTLP_METRICS_ENDPOINT).',
  }),
  exportIntervalMs: integer({
    default: 60_000,
    min: 10,
    max: DAY_MS,
    unit: 'ms',
    why: 'How often they are sent (OTEL_METRIC_EXPORT_INTERVAL).',
  }),
  exportTimeoutMs: integer({
    default: 30_000,
    min: 1,
    max: 3_600_000,
    unit: 'ms',
    why: 'After which an export has failed (OTEL_METRIC_EXPORT_TIMEOUT).',
  }),
};
