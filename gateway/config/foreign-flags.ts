/**
 * Flags of Triton (and of servers that its users come from) that Sluice does not have. A start-up line that works
 * there should work here, so ignoring one is the rule, said aloud with its consequence. Refused is only a flag whose
 * silent loss would be dangerous: encryption or a restriction that the caller believes to be in force.
 */
export interface ForeignFlag {
  /** Without dashes. */
  readonly flag: string;
  /** Whether a value follows; `none` flags stand alone. */
  readonly takes: 'value' | 'switch' | 'none';
  /** `warn`: accepted, without effect. `refuse`: a fault. */
  readonly effect: 'warn' | 'refuse';
  /** What it means here that the flag does nothing. */
  readonly consequence: string;
  /** Values (lower case) with which the flag asks for what happens anyway: then nothing is said. */
  readonly harmless?: readonly string[];
}

const NO = ['false', '0', 'off'] as const;
const YES = ['true', '1', 'on'] as const;

type Row = readonly [flags: string, consequence: string, harmless?: readonly string[]];

function rows(takes: ForeignFlag['takes'], effect: ForeignFlag['effect'], table: readonly Row[]) {
  return table.flatMap(([flags, consequence, harmless]) =>
    flags.split(' ').map((flag): ForeignFlag => {
      const base = { flag, takes, effect, consequence };
      return harmless === undefined ? base : { ...base, harmless };
    }),
  );
}

const IGNORED_SWITCHES: readonly Row[] = [
  [
    'exit-on-error',
    'a model that fails to load is listed with its reason and never stops the server (see --strict-readiness)',
    NO,
  ],
  ['strict-model-config', 'what a model does not say is always filled in', NO],
  ['allow-poll-model-repository', '--model-control-mode says whether the repositories are watched'],
  ['model-namespacing', 'a model name is served once, whatever repository it is in', NO],
  ['reuse-grpc-port reuse-http-port', 'a port is never shared: a second server on it fails to start', NO],
  ['grpc-keepalive-permit-without-calls', 'idle connections are always pinged', YES],
  ['allow-sagemaker', '/invocations and /ping are always served, on the HTTP port', YES],
  ['allow-vertex-ai', 'the Vertex AI endpoints are not served', NO],
  ['allow-gpu-metrics', 'no GPU is used, so none is measured', NO],
  ['enable-batching', 'requests are always batched where the model allows it', YES],
  [
    'allow-version-labels allow-version-labels-for-unavailable-models',
    'labels can always be set, and wait for their version',
    YES,
  ],
  ['enable-model-warmup', 'a version is always warmed up before it serves', YES],
  ['allow-cpu-metrics', 'memory and event loop of the server are always among the metrics', YES],
];

const IGNORED_VALUES: readonly Row[] = [
  ['model-load-thread-count', 'models are loaded one after the other'],
  [
    'model-load-retry-count',
    'a load that failed is tried again with back-off while the repositories are watched',
  ],
  ['http-header-forward-pattern grpc-header-forward-pattern', 'headers are not handed to models'],
  ['http-thread-count', 'HTTP is served by the one event loop'],
  ['grpc-infer-allocation-pool-size', 'messages are not pooled'],
  ['grpc-infer-response-compression-level', 'responses are not compressed', ['none']],
  [
    'grpc-http2-max-pings-without-data grpc-http2-min-recv-ping-interval-without-data grpc-http2-max-ping-strikes',
    "the limits on pings are those of the server's HTTP/2 library",
  ],
  ['log-file', 'logs go to standard output: redirect it'],
  [
    'sagemaker-port sagemaker-safe-port-range sagemaker-thread-count',
    '/invocations and /ping are served on the HTTP port (--http-port)',
  ],
  ['vertex-ai-port vertex-ai-thread-count vertex-ai-default-model', 'the Vertex AI endpoints are not served'],
  ['metrics-interval-ms', 'metrics are read when they are scraped'],
  ['metrics-config', 'the metrics are those of docs and help; none can be configured'],
  [
    'trace-config trace-file trace-rate trace-count trace-log-frequency',
    'traces are sent by OTLP, see --trace-exporter and docs/TRACING.md',
  ],
  ['trace-level', 'traces are sent by OTLP, see --trace-exporter and docs/TRACING.md', ['off']],
  [
    'cache-config response-cache-byte-size cache-directory',
    'no response cache: requests are always computed',
  ],
  ['rate-limit', 'batches go to whichever worker is free', ['off']],
  ['rate-limit-resource', 'batches go to whichever worker is free'],
  [
    'pinned-memory-pool-byte-size cuda-memory-pool-byte-size cuda-virtual-address-size min-supported-compute-capability model-load-gpu-limit',
    'models run on the CPU',
  ],
  ['buffer-manager-thread-count', 'batches are gathered on the event loop'],
  [
    'host-policy',
    'workers are placed by the operating system; restrict the process (taskset, cpuset) instead',
  ],
  [
    'backend-directory backend-config',
    'onnxruntime is the only backend (see --default-max-batch-size, --intra-op-threads)',
  ],
  ['repoagent-directory', 'no repository agents run'],
  [
    'batching-parameters-file',
    'batches form by themselves; their largest size is maxBatchSize of a model (see docs/BATCHING.md)',
  ],
  [
    'model-config-file-poll-wait-seconds',
    'the file is read at start; HandleReloadConfigRequest replaces the list',
    ['0'],
  ],
  [
    'monitoring-config-file',
    '/metrics is served on the metrics port and on the HTTP port (--metrics-port, --http-port)',
  ],
  [
    'tensorflow-session-parallelism tensorflow-intra-op-parallelism tensorflow-inter-op-parallelism',
    'workers and their threads are set by --workers and --intra-op-threads',
    ['0'],
  ],
  ['grpc-max-threads rest-api-num-threads', 'requests are read by the one event loop'],
  ['rest-api-timeout-in-ms', 'the longest time of a call is --grpc-max-deadline-ms'],
  [
    'max-num-load-retries load-retry-interval-micros',
    'a load that failed is tried again with back-off while the directories are watched',
  ],
];

const REFUSED_VALUES: readonly Row[] = [
  [
    'grpc-restricted-protocol http-restricted-api',
    'calls cannot be restricted by key: they would be open to every caller. Restrict them by token (--auth-tokens-file), and leave the flag out',
  ],
  [
    'ssl-config-file',
    "TensorFlow Serving's text of keys and certificates is not read: the port would be open. Write --tls-cert-file, --tls-key-file and --tls-client-ca-file",
  ],
];

/** All of them. */
export const FOREIGN_FLAGS: readonly ForeignFlag[] = [
  ...rows('switch', 'warn', IGNORED_SWITCHES),
  ...rows('value', 'warn', IGNORED_VALUES),
  ...rows('none', 'warn', [
    ['disable-auto-complete-config', 'what a model does not say is always filled in'],
  ]),
  ...rows('value', 'refuse', REFUSED_VALUES),
];
