import { setTimeout as sleep } from 'node:timers/promises';
import type { CallTemplate, LoadPlan, LoadResult, RunLoad } from '../contract.js';
import { LatencyCounts } from '../latency-counts.js';
import { fetchPage, type ServerFigures, serverFigures } from '../targets/server-figures.js';
import type { Cores } from './cores.js';
import { type ThreadTimes, threadTimes, totalMs, usedMs } from './cpu.js';
import type { Finding } from './finding.js';
import type { ServerUnderTest } from './processes.js';
import type { Table } from './table.js';

/** How long and how often. */
export interface Effort {
  /** Paired rounds, of which the median counts. */
  readonly rounds: number;
  /** Of each side in each round. */
  readonly measureMs: number;
  /** Before the first round, of each side: until either is reached. */
  readonly warmupMs: number;
  readonly warmupCalls: number;
  /** Requests before the first and the second look at the memory. */
  readonly memoryCalls: readonly [first: number, second: number];
  /** Of what a sweep tries only the ends. */
  readonly narrow?: boolean;
}

/** What a case is given. */
export interface Bench {
  readonly effort: Effort;
  readonly cores: Cores;
  readonly runLoad: RunLoad;
  /** Folder of the iris example: a model directory. */
  readonly irisModel: string;
  /** Repository that `makeZoo` has filled. */
  readonly zoo: string;
  /** Arguments for the server's node, e.g. `--cpu-prof`. */
  readonly nodeArgs: readonly string[];
  /** For people: what is going on. */
  readonly log: (text: string) => void;
  /** For the report: figures that belong together. */
  readonly table: (table: Table) => void;
}

/** One of the benchmarks: what it is called on the command line, and what it finds. */
export interface BenchCase {
  readonly name: string;
  run(bench: Bench): Promise<Finding[]>;
}

/** The load of one side: closed loop, one generator process. */
export interface Load {
  readonly template: CallTemplate;
  readonly connections: number;
  /** On each connection. */
  readonly streams: number;
  /** Ends early after this many calls. */
  readonly maxCalls?: number;
  /** @default the effort's */
  readonly durationMs?: number;
  /** How every single call must end. @default 'ok' */
  readonly wanted?: 'ok' | 'refused';
}

/** What one side of one round came to. */
export interface Measured {
  readonly calls: number;
  readonly wallMs: number;
  /** All threads of the server. */
  readonly cpuMsPerCall: number;
  readonly threads: ThreadTimes;
  readonly p50Ms: number;
  /** Share of its core that the generator was busy. */
  readonly busy: number;
  /** What the server says of its batches; empty for the echo. */
  readonly server: ServerFigures;
}

/** A measurement in which the generator was the bottleneck is made again, this often. */
const MAX_TRIES = 4;

/**
 * Loads a server and sets its CPU time against the calls that it answered. Rejects when a call ends as it should not, and when the
 * generator was too busy each time.
 */
export async function measure(bench: Bench, server: ServerUnderTest, load: Load): Promise<Measured> {
  let why = '';
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const measured = await measureOnce(bench, server, load);
    if (typeof measured !== 'string') return measured;
    why = measured;
    bench.log(`void, once more: ${why}`);
  }
  throw new Error(`${load.template.name}: ${MAX_TRIES} measurements were void; the last: ${why}`);
}

/** Calls that count for nothing: code is compiled, connections' memory is there, batches are known. */
export async function warmUp(bench: Bench, server: ServerUnderTest, load: Load): Promise<void> {
  const { warmupMs, warmupCalls } = bench.effort;
  await bench.runLoad(planOf(server, { ...load, maxCalls: warmupCalls }, warmupMs));
}

async function measureOnce(bench: Bench, server: ServerUnderTest, load: Load): Promise<Measured | string> {
  const { template, durationMs = bench.effort.measureMs, wanted = 'ok' } = load;
  const page = await pageOf(server);
  const before = threadTimes(server.pid);
  const startedAt = performance.now();
  const result = await bench.runLoad(planOf(server, load, durationMs));
  const wallMs = performance.now() - startedAt;
  // What follows the last answer belongs to it: a collection of garbage, say.
  await sleep(20);
  const threads = usedMs(before, threadTimes(server.pid));
  refuseOthers(template.name, wanted, result);
  if (result.void !== undefined) return result.void;
  const calls = result.counts[wanted];
  return {
    calls,
    wallMs: Math.min(wallMs, result.durationMs > 0 ? result.durationMs : wallMs),
    cpuMsPerCall: totalMs(threads) / calls,
    threads,
    p50Ms: LatencyCounts.from(result.latency).quantile(0.5),
    busy: result.busy,
    server: page === undefined ? {} : serverFigures(page, (await pageOf(server)) ?? '', [template.name]),
  };
}

function planOf(server: ServerUnderTest, load: Load, durationMs: number): LoadPlan {
  const { template, connections, streams, maxCalls } = load;
  return {
    target: { host: '127.0.0.1', port: server.port },
    templates: [template],
    arrivals: { kind: 'closed', concurrency: connections * streams },
    warmupMs: 0,
    durationMs,
    ...(maxCalls !== undefined && { maxCalls }),
    connections,
    streamsPerConnection: streams,
    metadata: [],
    processes: 1,
    seed: 1,
    drainMs: 10_000,
  };
}

function refuseOthers(name: string, wanted: 'ok' | 'refused', { counts, samples }: LoadResult): void {
  if (counts[wanted] === counts.offered && counts.offered > 0) return;
  const statuses = JSON.stringify(counts.byStatus);
  throw new Error(
    `${name}: ${counts[wanted]} of ${counts.offered} calls were ${wanted === 'ok' ? 'answered OK' : 'refused'}: ${statuses} ${samples[0] ?? ''}`,
  );
}

async function pageOf({ metricsUrl }: ServerUnderTest): Promise<string | undefined> {
  return metricsUrl === undefined ? undefined : fetchPage(metricsUrl);
}

/**
 * Both sides of a comparison, in turn, as often as the effort says: the one that goes first changes every round, so
 * that what drifts (heat, other tenants) meets both alike.
 */
export async function interleave<A, B>(
  rounds: number,
  left: () => Promise<A>,
  right: () => Promise<B>,
): Promise<(readonly [A, B])[]> {
  const pairs: (readonly [A, B])[] = [];
  for (let round = 0; round < rounds; round++) {
    if (round % 2 === 0) {
      const a = await left();
      pairs.push([a, await right()]);
    } else {
      const b = await right();
      pairs.push([await left(), b]);
    }
  }
  return pairs;
}

/** Runs `body` with servers that are stopped after it, however it ends. */
export async function withServers<T>(
  starts: readonly Promise<ServerUnderTest>[],
  body: (...servers: ServerUnderTest[]) => Promise<T>,
): Promise<T> {
  const started = await Promise.allSettled(starts);
  try {
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    return await body(...started.map((one) => (one as PromiseFulfilledResult<ServerUnderTest>).value));
  } finally {
    await Promise.all(started.map((one) => (one.status === 'fulfilled' ? one.value.stop() : undefined)));
  }
}
