import { autoInteger, bool, choice, integer, text } from './setting.js';

/** Who runs the models. */
export const WORKER_SETTINGS = {
  count: autoInteger({
    default: 'auto',
    min: 1,
    max: 1024,
    flag: 'workers',
    why: 'Worker threads. `auto` fills the cores that the container is given: as many as fit at `intraOpThreads` each.',
  }),
  intraOpThreads: autoInteger({
    default: 'auto',
    min: 1,
    max: 1024,
    flag: 'intra-op-threads',
    why: 'Threads of one run inside a worker. `auto` is 1, which gives the most throughput; more shorten a single run. Workers x threads never exceed the cores.',
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
};
