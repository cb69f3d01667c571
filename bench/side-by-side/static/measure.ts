import type { Arrivals, CallTemplate, LoadPlan, LoadResult } from '../../contract.js';
import { LatencyCounts } from '../../latency-counts.js';
import type { Bench } from '../bench.js';
import type { ServerUnderTest } from '../processes.js';

/** In all enough for two workers with batches of 128, and a third one that waits. */
const CONNECTIONS = 8;
const CLOSED_STREAMS = 48;
const OPEN_STREAMS = 600;
/** Fine enough for answers within a millisecond; sleeping leaves the cores to the servers. */
const TICK_MS = 0.2;
const MAX_TRIES = 3;
/** Share of the measurement that goes before it and does not count. */
const LEAD_IN = 0.25;

/** One side of a measurement: a model on a server. */
export interface Side {
  readonly server: ServerUnderTest;
  readonly template: CallTemplate;
}

/** Undefined when the model is there and answers, else with which status it does not. */
export async function answers(bench: Bench, side: Side): Promise<string | undefined> {
  const plan = planOf(side, { kind: 'closed', concurrency: 1 }, 5000);
  const { counts } = await bench.runLoad({ ...plan, warmupMs: 0, maxCalls: 1 });
  return counts.ok === 1 ? undefined : Object.keys(counts.byStatus).join();
}

/** Calls a second at saturation. Rejects when calls fail. */
export async function saturation(bench: Bench, side: Side, durationMs: number): Promise<number> {
  const arrivals: Arrivals = { kind: 'closed', concurrency: CONNECTIONS * CLOSED_STREAMS };
  const { counts, durationMs: tookMs } = await good(bench, planOf(side, arrivals, durationMs));
  return (counts.ok * 1e3) / tookMs;
}

/** The 99th percentile at a rate, Poisson. */
export async function tailMs(
  bench: Bench,
  side: Side,
  ratePerS: number,
  durationMs: number,
): Promise<number> {
  const plan = planOf(side, { kind: 'poisson', ratePerS }, durationMs);
  const { latency } = await good(bench, { ...plan, tickMs: TICK_MS });
  return LatencyCounts.from(latency).quantile(0.99);
}

/** A void measurement is made again, and the last one stands: both sides share the generator and the cores. */
async function good(bench: Bench, plan: LoadPlan): Promise<LoadResult> {
  for (let tries = 1; ; tries++) {
    const result = await bench.runLoad(plan);
    const { counts, samples } = result;
    const name = plan.templates[0]?.name;
    if (counts.ok !== counts.offered)
      throw new Error(
        `${name}: ${counts.ok} of ${counts.offered} calls were OK: ${JSON.stringify(counts.byStatus)} ${samples[0] ?? ''}`,
      );
    if (result.void === undefined) return result;
    bench.log(`${name} is void${tries < MAX_TRIES ? ', once more' : ', and stands'}: ${result.void}`);
    if (tries === MAX_TRIES) return result;
  }
}

function planOf({ server, template }: Side, arrivals: Arrivals, durationMs: number): LoadPlan {
  return {
    target: { host: '127.0.0.1', port: server.port },
    templates: [template],
    arrivals,
    warmupMs: Math.round(durationMs * LEAD_IN),
    durationMs,
    connections: CONNECTIONS,
    streamsPerConnection: arrivals.kind === 'closed' ? CLOSED_STREAMS : OPEN_STREAMS,
    metadata: [],
    processes: 1,
    seed: 1,
    drainMs: 10_000,
  };
}
