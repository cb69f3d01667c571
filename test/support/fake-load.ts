/** Results of measurements that never ran, for tests of what is made of them. */
import type { Arrivals, Counts, LoadResult, RunLoad } from '../../bench/contract.js';
import { LatencyCounts, NO_LATENCIES } from '../../bench/latency-counts.js';
import type { BenchReport, Measurement } from '../../bench/report/document.js';
import { figuresOf } from '../../bench/report/figures.js';

export interface FakeResult {
  readonly arrivals?: Arrivals;
  readonly durationMs?: number;
  /** One per OK answer. */
  readonly latenciesMs?: readonly number[];
  readonly counts?: Partial<Counts>;
  readonly void?: string;
}

/** A result with these latencies; what is not given is consistent with them. */
export function fakeResult(fake: FakeResult = {}): LoadResult {
  const { latenciesMs = [1, 2, 3, 4], durationMs = 1000 } = fake;
  const latency = new LatencyCounts();
  for (const ms of latenciesMs) latency.record(ms);
  const bad = { late: 0, refused: 0, failed: 0, wrong: 0, unanswered: 0, ...fake.counts };
  const ok = latenciesMs.length;
  const offered = ok + bad.late + bad.refused + bad.failed + bad.wrong + bad.unanswered;
  const counts: Counts = { ok, offered, byStatus: { OK: ok }, ...bad };
  return {
    arrivals: fake.arrivals ?? { kind: 'closed', concurrency: 1 },
    durationMs,
    counts,
    rowsOk: counts.ok,
    latency: latency.toData(),
    templates: [{ name: 'iris x1', counts, latency: latency.toData() }],
    timeline: [
      {
        atMs: 0,
        lengthMs: durationMs,
        offered,
        ok,
        late: bad.late,
        refused: bad.refused,
        failed: bad.failed,
        p50Ms: latency.quantile(0.5),
        p99Ms: latency.quantile(0.99),
      },
    ],
    lateness: NO_LATENCIES,
    busy: 0.1,
    ...(fake.void === undefined ? {} : { void: fake.void }),
    samples: [],
  };
}

/** A measurement of a step, by its result. */
export function fakeMeasurement(fake: FakeResult = {}, about: Partial<Measurement> = {}): Measurement {
  const result = fakeResult(fake);
  return {
    step: 'concurrency 1',
    repetition: 0,
    side: 'main',
    startedAt: '2026-01-01T00:00:00.000Z',
    figures: figuresOf(result),
    server: null,
    result,
    ...about,
  };
}

export function fakeReport(
  measurements: readonly Measurement[],
  about: Partial<BenchReport> = {},
): BenchReport {
  return {
    format: 'sluice-bench/1',
    startedAt: '2026-01-01T00:00:00.000Z',
    command: 'sluice bench iris',
    machine: { cpu: 'a cpu', cores: 2, memoryBytes: 2 ** 30, system: 'Linux 6', node: 'v20' },
    address: 'localhost:8001',
    against: null,
    server: 'sluice 0.1.0',
    service: 'oip',
    templates: [{ name: 'iris x1', rows: 1, weight: 1, bodies: 16, bodyBytes: 43 }],
    settings: { durationMs: 1000 },
    measurements,
    search: null,
    warnings: [],
    ...about,
  };
}

/**
 * Stands for a server with a capacity: at and below it every answer takes 1 ms, above it 100 ms. Calls are as many as
 * the rate and the duration make.
 */
export function fakeServerOf(capacityPerS: number, generatorLimitPerS = Number.POSITIVE_INFINITY): RunLoad {
  return async ({ arrivals, durationMs }) => {
    const ratePerS = 'ratePerS' in arrivals ? arrivals.ratePerS : 1000;
    const count = Math.max(1, Math.round((ratePerS * durationMs) / 1000));
    const ms = ratePerS <= capacityPerS ? 1 : 100;
    return fakeResult({
      arrivals,
      durationMs,
      latenciesMs: new Array<number>(count).fill(ms),
      ...(ratePerS > generatorLimitPerS ? { void: 'too busy' } : {}),
    });
  };
}
