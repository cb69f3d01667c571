import type { Arrivals, CallTemplate, LoadPlan, RunLoad } from '../../contract.js';
import { LatencyCounts } from '../../latency-counts.js';
import { closedHttp, type HttpTarget, openHttp } from './http-load.js';

/** One measurement. */
export interface Called {
  readonly perS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** How a server is loaded, whatever it speaks. Both reject when an answer is not the right one. */
export interface Caller {
  /** A closed loop with so many calls open. */
  closed(concurrency: number, durationMs: number): Promise<Called>;
  /** Poisson arrivals; latencies count from the instant at which a call was meant to start. */
  open(ratePerS: number, durationMs: number): Promise<Called>;
}

/** Over HTTP/1.1, keep-alive. */
export function httpCaller(target: HttpTarget): Caller {
  const called = async (load: ReturnType<typeof closedHttp>): Promise<Called> => {
    const { ok, wrong, durationMs, latency } = await load;
    if (wrong > 0) throw new Error(`POST ${target.path}: ${wrong} of ${ok + wrong} answers are not right`);
    return { perS: (ok * 1000) / durationMs, p50Ms: latency.quantile(0.5), p99Ms: latency.quantile(0.99) };
  };
  return {
    closed: (concurrency, durationMs) => called(closedHttp(target, concurrency, durationMs)),
    open: (ratePerS, durationMs) => called(openHttp(target, ratePerS, durationMs)),
  };
}

/** On each connection; a closed loop of fewer calls uses one connection. */
const STREAMS = 16;

/** Over gRPC. */
export function grpcCaller(runLoad: RunLoad, port: number, template: CallTemplate): Caller {
  const called = async (arrivals: Arrivals, connections: number, durationMs: number): Promise<Called> => {
    const plan: LoadPlan = {
      target: { host: '127.0.0.1', port },
      templates: [template],
      arrivals,
      warmupMs: 200,
      durationMs,
      connections,
      streamsPerConnection: Number.MAX_SAFE_INTEGER,
      metadata: [],
      processes: 1,
      seed: 3,
      drainMs: 10_000,
    };
    const { counts, durationMs: tookMs, latency, samples } = await runLoad(plan);
    if (counts.ok < counts.offered || counts.ok === 0)
      throw new Error(
        `${template.path}: ${counts.ok} of ${counts.offered} calls were answered OK; ${samples[0] ?? ''}`,
      );
    const seen = LatencyCounts.from(latency);
    return {
      perS: (counts.ok * 1000) / tookMs,
      p50Ms: seen.quantile(0.5),
      p99Ms: seen.quantile(0.99),
    };
  };
  return {
    closed: (concurrency, durationMs) =>
      called({ kind: 'closed', concurrency }, Math.max(1, Math.ceil(concurrency / STREAMS)), durationMs),
    open: (ratePerS, durationMs) => called({ kind: 'poisson', ratePerS }, 4, durationMs),
  };
}
