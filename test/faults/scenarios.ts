import {
  type Bars,
  HANG_MS,
  LOAD_MS,
  type Order,
  type Scenario,
  type Strike,
  WARM_UP_MS,
  WORKERS,
} from './scenario.js';

/** Issue 7's bar: load and warm-up, and this. */
const MORE_MS = 300;
const FULL_MS = LOAD_MS + WARM_UP_MS + MORE_MS;
const P99_SERVICES = 3;
/** What another worker answers. */
const SURVIVED: Bars = { noneFails: true, fullMs: FULL_MS, p99Services: P99_SERVICES };
/** Nobody is left: what comes waits for a new worker, and that shows in its latency. */
const WAITS: Bars = { ...SURVIVED, p99Services: undefined };

const order = (kind: Order['kind'], when: Order['when'] = 'run'): Order => ({ kind, when });
const orders = (...given: Order[]): Strike => ({ by: 'orders', orders: given });
const all = (kind: Order['kind']): Strike => orders(...Array<Order>(WORKERS).fill(order(kind)));
const signal = (name: NodeJS.Signals, workers = 1): Strike => ({ by: 'signal', signal: name, workers });

type Rest = Partial<Scenario> & Pick<Scenario, 'name' | 'what' | 'isolation' | 'strike'>;

const scenario = (rest: Rest): Scenario => ({
  course: 'load',
  times: 3,
  everyMs: 2000,
  bars: SURVIVED,
  ...rest,
});

/** A run over its limit is given up at the second look, 100 ms apart (gateway/pool/hang-watch.ts). */
const NOTICED_MS = 200;
const hung = { ...SURVIVED, fullMs: HANG_MS + NOTICED_MS + FULL_MS };
/** The first successor dies as well, and the second waits for at most 100 ms (gateway/pool/back-off.ts); counted from the last death. */
const twice = { ...SURVIVED, fullMs: FULL_MS + 100 };

const THREADS: readonly Scenario[] = [
  scenario({ name: 'thread-throw', what: 'throws', isolation: 'thread', strike: orders(order('throw')) }),
  scenario({ name: 'thread-exit', what: 'exits', isolation: 'thread', strike: orders(order('exit')) }),
  scenario({
    name: 'thread-heap',
    what: 'runs out of heap',
    isolation: 'thread',
    strike: orders(order('allocate')),
  }),
  scenario({
    name: 'thread-load',
    what: 'throws, and its successor while it loads',
    isolation: 'thread',
    strike: orders(order('throw'), order('throw', 'load')),
    bars: twice,
  }),
  scenario({
    name: 'thread-warm-up',
    what: 'throws, and its successor while it warms up',
    isolation: 'thread',
    strike: orders(order('throw'), order('throw', 'warm-up')),
    bars: twice,
  }),
  scenario({
    name: 'thread-drain',
    what: 'throws while the server drains',
    isolation: 'thread',
    course: 'drain',
    strike: orders(order('throw')),
    bars: { ...SURVIVED, fullMs: undefined, p99Services: undefined },
  }),
  scenario({
    name: 'thread-all',
    what: 'all throw at once',
    isolation: 'thread',
    strike: all('throw'),
    bars: WAITS,
  }),
  scenario({
    name: 'thread-often',
    what: 'one throws every 200 ms for 30 s',
    isolation: 'thread',
    strike: orders(order('throw')),
    times: 150,
    everyMs: 200,
  }),
  scenario({
    name: 'thread-wedged',
    what: 'hangs in a run for ever, in native code',
    isolation: 'thread',
    course: 'server',
    strike: orders(order('hang-native')),
    times: 1,
    bars: { ...SURVIVED, fullMs: undefined },
    hangs: true,
  }),
  scenario({
    name: 'thread-real',
    what: 'exits in the midst of a run of a real model',
    isolation: 'thread',
    course: 'real',
    strike: orders(order('exit')),
    bars: { ...SURVIVED, p99Services: undefined },
  }),
  scenario({
    name: 'thread-leaks',
    what: 'throws, 200 times',
    isolation: 'thread',
    course: 'leaks',
    strike: orders(order('throw')),
    times: 200,
    bars: WAITS,
  }),
  scenario({
    name: 'server-abort',
    what: 'aborts the server process, under its supervisor',
    isolation: 'thread',
    course: 'server',
    strike: orders(order('abort')),
    times: 1,
    bars: { noneFails: false, fullMs: 2000, p99Services: undefined },
  }),
];

const PROCESSES: readonly Scenario[] = [
  scenario({ name: 'process-kill', what: 'SIGKILL', isolation: 'process', strike: signal('SIGKILL') }),
  scenario({ name: 'process-abort', what: 'aborts', isolation: 'process', strike: orders(order('abort')) }),
  scenario({ name: 'process-throw', what: 'throws', isolation: 'process', strike: orders(order('throw')) }),
  scenario({
    name: 'process-heap',
    what: 'runs out of heap',
    isolation: 'process',
    strike: orders(order('allocate')),
  }),
  scenario({
    name: 'process-native-loop',
    what: 'loops in native code for ever',
    isolation: 'process',
    strike: orders(order('hang-native')),
    bars: hung,
    hangs: true,
  }),
  scenario({
    name: 'process-stop',
    what: 'SIGSTOP',
    isolation: 'process',
    strike: signal('SIGSTOP'),
    bars: hung,
    hangs: true,
  }),
  scenario({
    name: 'process-load',
    what: 'killed, and its successor while it loads',
    isolation: 'process',
    strike: orders(order('kill'), order('kill', 'load')),
    bars: twice,
  }),
  scenario({
    name: 'process-drain',
    what: 'SIGKILL while the server drains',
    isolation: 'process',
    course: 'drain',
    strike: signal('SIGKILL'),
    bars: { ...SURVIVED, fullMs: undefined, p99Services: undefined },
  }),
  scenario({
    name: 'process-all',
    what: 'SIGKILL of all at once',
    isolation: 'process',
    strike: signal('SIGKILL', WORKERS),
    bars: WAITS,
  }),
  scenario({
    name: 'process-often',
    what: 'SIGKILL of one every 200 ms for 30 s',
    isolation: 'process',
    strike: signal('SIGKILL'),
    times: 150,
    everyMs: 200,
  }),
  scenario({
    name: 'process-real',
    what: 'SIGKILL under a real model',
    isolation: 'process',
    course: 'real',
    strike: signal('SIGKILL'),
    bars: { ...SURVIVED, p99Services: undefined },
  }),
  scenario({
    name: 'process-leaks',
    what: 'SIGKILL, 200 times',
    isolation: 'process',
    course: 'leaks',
    strike: signal('SIGKILL'),
    times: 200,
    bars: WAITS,
  }),
];

/** Every scenario there is, in the order of the page. */
export const SCENARIOS: readonly Scenario[] = [...THREADS, ...PROCESSES];
