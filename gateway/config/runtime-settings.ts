import { autoInteger, bool, choice, integer, list, text } from './setting.js';

/** Who runs the models. */
export const WORKER_SETTINGS = {
  count: autoInteger({
    default: 'auto',
    min: 1,
    max: 1024,
    flag: 'workers',
    why: 'Workers. `auto` fills the cores that the container is given: as many as fit at `intraOpThreads` each.',
  }),
  intraOpThreads: autoInteger({
    default: 'auto',
    min: 1,
    max: 1024,
    flag: 'intra-op-threads',
    why: 'Threads of one run inside a worker. `auto` is 1, which gives the most throughput; more shorten a single run. Workers x threads never exceed the cores.',
  }),
  isolation: choice(['thread', 'process'], {
    default: 'thread',
    flag: 'worker-isolation',
    why: 'What a worker is. A `thread` is cheapest, but a crash in native code ends the whole server. A `process` of its own costs more memory and some time for each batch, and survives that, too.',
  }),
  spares: integer({
    default: 0,
    min: 0,
    max: 1024,
    flag: 'worker-spares',
    why: 'Workers beyond `count` that are kept warm and take the place of one that ends at once. Each costs the memory of a worker.',
  }),
  maxHeapBytes: autoInteger({
    default: 'auto',
    min: 16 * 1024 * 1024,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    flag: 'worker-max-heap-bytes',
    why: "Limit of a worker's JavaScript heap; weights and tensors are outside of it. `auto` is what Node chooses.",
  }),
  maxRssBytes: autoInteger({
    default: 'auto',
    min: 64 * 1024 * 1024,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    flag: 'worker-max-rss-bytes',
    why: 'Resident memory beyond which a worker that is a process is ended, before the kernel chooses whom to end. `auto` sets no limit. Threads share the memory of the server and have none.',
  }),
  hangTimeoutMs: integer({
    default: 1000,
    min: 100,
    max: 3_600_000,
    unit: 'ms',
    flag: 'worker-hang-timeout-ms',
    why: 'Least time after which a run counts as hung. The limit of a run is this or five times what it is predicted to take, whichever is longer.',
  }),
  enableWaitingRuntime: bool({
    default: false,
    flag: 'enable-waiting-runtime',
    why: 'For tests and benchmarks only: serves `model.wait.json`, models that wait instead of computing and fail on command, at worst with the whole server; lifts the limit of workers to cores.',
  }),
};

/** How much may wait, and in what order it runs. */
export const QUEUE_SETTINGS = {
  scheduler: choice(['deadline', 'fifo'], {
    default: 'deadline',
    why: '`deadline` keeps every deadline that can be kept. `fifo` runs what comes first, first, and drops only what has expired, as most servers do: for comparison; it switches the three below off.',
  }),
  batchChoice: bool({
    default: true,
    why: 'Whether the size of a batch is chosen by the learned run times and the deadlines that wait; else a batch takes all that fits.',
  }),
  earlyDrop: bool({
    default: true,
    why: 'Whether a waiting request that can no longer be answered by its deadline is dropped before it costs a run.',
  }),
  admission: bool({
    default: true,
    why: 'Whether a request that cannot be answered by its deadline behind what waits already is refused when it comes.',
  }),
  maxQueueRows: integer({
    default: 65_536,
    min: 1,
    max: 100_000_000,
    unit: 'rows',
    flag: 'max-queue-rows',
    why: 'Rows that may wait for one model version; more is refused with UNAVAILABLE.',
  }),
  maxQueueBytes: integer({
    default: 256 * 1024 * 1024,
    min: 1024,
    max: Number.MAX_SAFE_INTEGER,
    unit: 'bytes',
    flag: 'max-queue-bytes',
    why: 'Bytes of requests, whole messages, that may be held while they wait or run; more is refused with UNAVAILABLE.',
  }),
  maxCallsInFlight: integer({
    default: 10_000,
    min: 1,
    max: 10_000_000,
    flag: 'max-calls-in-flight',
    why: 'Calls accepted at once, over all connections; more is refused with UNAVAILABLE.',
  }),
};

/** The process as a whole. */
export const SERVER_SETTINGS = {
  id: text({
    default: 'sluice',
    flag: 'server-id',
    aliases: ['id'],
    placeholder: 'name',
    pattern: /^[\x20-\x7e]{1,128}$/,
    wanted: 'at most 128 printable ASCII characters',
    why: 'The name in ServerMetadata; one stock client insists on `triton`.',
  }),
  supervise: choice(['auto', 'on', 'off'], {
    default: 'auto',
    why: 'Whether `sluice serve` runs the server in a process of its own and starts it again after a crash. `auto` does, except where something else restarts it: as process 1 of a container, in Kubernetes, or under a debugger.',
  }),
  allowRuntimeSettings: bool({
    default: false,
    flag: 'allow-runtime-settings',
    why: 'Whether LogSettings and TraceSetting may change what they tell; every client could, so open it only where all are trusted.',
  }),
  drainDelayMs: integer({
    default: 0,
    min: 0,
    max: 3_600_000,
    unit: 'ms',
    flag: 'drain-delay-ms',
    why: 'How long to go on serving after SIGTERM while already NOT_SERVING, so that balancers see it first (Kubernetes: 5000 to 15000).',
  }),
  exitTimeoutSecs: integer({
    default: 30,
    min: 0,
    max: 86_400,
    unit: 's',
    flag: 'exit-timeout-secs',
    why: 'Longest time from SIGTERM to the exit; what is then still in flight is cut.',
  }),
};

/** What is told of it. */
export const LOG_SETTINGS = {
  level: choice(['debug', 'info', 'warn', 'error', 'silent'], {
    default: 'info',
    why: 'The least serious lines to write.',
  }),
  format: choice(['auto', 'json', 'pretty'], {
    default: 'auto',
    why: '`auto` is pretty on a terminal and one JSON object a line elsewhere.',
  }),
  callLinesPerSec: integer({
    default: 10,
    min: 0,
    max: 100_000,
    why: 'Lines a second about calls that failed, were refused or were slower than `trace.slowMs`, five times as many at once; the next line says how many were left out. 0: none.',
  }),
  rememberedCalls: integer({
    default: 200,
    min: 1,
    max: 100_000,
    why: 'Calls of each kind (failed, refused, slow) that `sluice why` can tell of.',
  }),
  redactInputs: list({
    default: [],
    pattern: /^.{1,256}$/,
    wanted: 'the name of an input, or `*`',
    separator: ',',
    placeholder: 'name',
    why: 'Inputs that hold what nobody may read in a log or a trace: of a call that has one, a message that might quote its data is left out there; the client still gets it. `*` stands for every input.',
  }),
};
