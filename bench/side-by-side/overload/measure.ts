import { setTimeout as sleep } from 'node:timers/promises';
import type { CallTemplate, LoadPlan } from '../../contract.js';
import { fetchPage, parsePage } from '../../targets/server-figures.js';
import type { Bench } from '../bench.js';
import { threadTimes, usedMs } from '../cpu.js';
import type { ServerUnderTest } from '../processes.js';
import { type OverloadRow, overloadRow, type ServerCounts } from './row.js';

/** A void measurement is made again, this often in all; the last one stands, and says that it is void. */
const MAX_TRIES = 3;
/** Answers take tens of milliseconds: half of one does not show, and the generator leaves its core to the server. */
const TICK_MS = 0.5;
/** Room for all calls that can wait at once: thousands of calls a second, for as long as the longest deadline. */
const CONNECTIONS = 16;
const STREAMS = 600;
/** What a server still has in hand of the last load ends within this time. */
const CALM_MS = 300;

export interface OverloadLoad {
  readonly factor: number;
  readonly ratePerS: number;
  /** Calls to one model, each template with its deadline. */
  readonly templates: readonly CallTemplate[];
  readonly seed: number;
}

/** Offers a load, Poisson, and says what came of it. Rejects when the server cannot be reached. */
export async function measureOverload(
  bench: Bench,
  server: ServerUnderTest,
  load: OverloadLoad,
): Promise<OverloadRow> {
  for (let tries = 1; ; tries++) {
    const row = await measureOnce(bench, server, load);
    if (row.void === undefined) return row;
    bench.log(`${load.factor}x is void${tries < MAX_TRIES ? ', once more' : ''}: ${row.void}`);
    if (tries === MAX_TRIES) return row;
  }
}

async function measureOnce(bench: Bench, server: ServerUnderTest, load: OverloadLoad): Promise<OverloadRow> {
  const { warmupMs } = bench.effort;
  const model = load.templates[0]?.name ?? '';
  await sleep(CALM_MS);
  const before = await counted(server, model);
  const result = await bench.runLoad(planOf(bench, server, load));
  const after = await counted(server, model);
  const { counts, samples } = result;
  if (counts.failed + counts.wrong + counts.unanswered > 0)
    bench.log(`${load.factor}x: ${JSON.stringify(counts.byStatus)} ${samples[0] ?? ''}`);
  return overloadRow({
    factor: load.factor,
    result,
    rowsPerCall: load.templates[0]?.rows ?? 1,
    warmupMs,
    server: {
      ok: after.ok - before.ok,
      rowsRun: after.rowsRun - before.rowsRun,
      batches: after.batches - before.batches,
      frontMs: usedMs(before.threads, after.threads).get(server.pid) ?? 0,
    },
  });
}

function planOf({ effort }: Bench, server: ServerUnderTest, load: OverloadLoad): LoadPlan {
  const longestMs = Math.max(...load.templates.map(({ deadlineMs = 0 }) => deadlineMs));
  return {
    target: { host: '127.0.0.1', port: server.port },
    templates: load.templates,
    arrivals: { kind: 'poisson', ratePerS: load.ratePerS },
    warmupMs: effort.warmupMs,
    durationMs: effort.measureMs,
    connections: CONNECTIONS,
    streamsPerConnection: STREAMS,
    tickMs: TICK_MS,
    metadata: [],
    processes: 1,
    seed: load.seed,
    drainMs: longestMs + 2000,
  };
}

type Totals = Omit<ServerCounts, 'frontMs'> & { readonly threads: ReturnType<typeof threadTimes> };

async function counted({ pid, metricsUrl = '' }: ServerUnderTest, model: string): Promise<Totals> {
  const threads = threadTimes(pid);
  const samples = parsePage(await fetchPage(metricsUrl)).filter(({ labels }) => labels['model'] === model);
  const sum = (name: string, code?: string): number =>
    samples
      .filter((one) => one.name === name && (code === undefined || one.labels['code'] === code))
      .reduce((total, { value }) => total + value, 0);
  return {
    threads,
    ok: sum('sluice_requests_total', 'OK'),
    rowsRun: sum('sluice_batch_rows_sum'),
    batches: sum('sluice_batch_rows_count'),
  };
}
