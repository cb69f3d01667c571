import type { Arrivals, CallTemplate, LoadPlan, LoadResult, RunLoad } from './contract.js';
import type { BenchOptions } from './options.js';
import type { Measurement, SearchOutcome, TemplateNote } from './report/document.js';
import { findMaxRate } from './search.js';
import { type MeasureOptions, measure, type Planned, planSweep, type ServerWatch } from './sweep.js';
import { readIntervals, readTrace, stepsTrace } from './trace.js';
import { BenchUsageError } from './usage-error.js';

/** What running a benchmark needs of the outside. */
export interface BenchDependencies {
  readonly runLoad: RunLoad;
  readonly readText: (path: string) => Promise<string>;
  /** Scrapes the server, when its metrics can be had. */
  readonly watch?: ServerWatch | undefined;
  readonly onBegin?: (planned: Planned, place: { index: number; total: number | undefined }) => void;
  readonly onEnd?: (measurement: Measurement) => void;
  readonly onProgress?: MeasureOptions['onProgress'];
  /** Ends the run; what was measured by then is reported. */
  readonly signal?: AbortSignal | undefined;
  readonly now: () => Date;
}

export interface BenchOutcome {
  readonly measurements: readonly Measurement[];
  readonly search: SearchOutcome | null;
  readonly warnings: readonly string[];
}

/** Makes all measurements that the options ask for. Rejects when the target cannot be reached, or a file is faulty. */
export async function runBench(
  options: BenchOptions,
  templates: readonly CallTemplate[],
  deps: BenchDependencies,
): Promise<BenchOutcome> {
  const base = basePlan(options, templates);
  if (options.load.kind === 'search') return runSearch(options, base, deps);
  const { points, durationMs } = await pointsOf(options, deps);
  const { repeat, against } = options;
  const planned = planSweep({ base: { ...base, durationMs }, points, repeat, against });
  const measurements: Measurement[] = [];
  for (const [i, one] of planned.entries()) {
    deps.onBegin?.(one, { index: i + 1, total: planned.length });
    const measurement = await measureUnlessEnded(one, deps);
    if (measurement === undefined) break;
    measurements.push(measurement);
    deps.onEnd?.(measurement);
  }
  const left = planned.length - measurements.length;
  const warnings = left > 0 ? [`ended early: ${left} of ${planned.length} measurements were not made`] : [];
  return { measurements, search: null, warnings };
}

async function runSearch(
  options: BenchOptions,
  base: Omit<LoadPlan, 'arrivals'>,
  deps: BenchDependencies,
): Promise<BenchOutcome> {
  const { load } = options;
  if (load.kind !== 'search') throw new Error('not a search');
  const measurements: Measurement[] = [];
  const measureRate = async (ratePerS: number, durationMs: number): Promise<LoadResult | undefined> => {
    const arrivals: Arrivals = { kind: 'poisson', ratePerS };
    const plan = { ...base, arrivals, durationMs, seed: (base.seed + measurements.length) >>> 0 };
    const planned: Planned = { step: `${ratePerS}/s poisson`, repetition: 0, side: 'main', plan };
    const index = measurements.length + 1;
    deps.onBegin?.(planned, { index, total: undefined });
    const measurement = await measureUnlessEnded(planned, deps);
    if (measurement === undefined) return undefined;
    measurements.push(measurement);
    deps.onEnd?.(measurement);
    return measurement.result;
  };
  const search = await findMaxRate({ ...load, durationMs: options.durationMs }, measureRate);
  return { measurements, search, warnings: [] };
}

/** Undefined when the signal ended it. */
async function measureUnlessEnded(
  planned: Planned,
  deps: BenchDependencies,
): Promise<Measurement | undefined> {
  const { signal } = deps;
  if (signal?.aborted) return undefined;
  try {
    const measurement = await measure(planned, deps);
    // What was cut short is no measurement of what was asked for.
    return signal?.aborted ? undefined : measurement;
  } catch (error) {
    if (signal?.aborted) return undefined;
    throw error;
  }
}

function basePlan(options: BenchOptions, templates: readonly CallTemplate[]): Omit<LoadPlan, 'arrivals'> {
  const { target, warmupMs, durationMs, maxCalls, connections, streams, deadlineMs, metadata } = options;
  return {
    target,
    templates,
    warmupMs,
    durationMs,
    ...(maxCalls === undefined ? {} : { maxCalls }),
    connections,
    streamsPerConnection: streams,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    metadata,
    processes: options.processes,
    seed: options.seed,
    drainMs: options.drainMs,
  };
}

/** The points of a sweep. A trace or steps are one point, as long as they are. */
async function pointsOf(
  { load, durationMs, seed }: BenchOptions,
  { readText }: BenchDependencies,
): Promise<{ points: readonly Arrivals[]; durationMs: number }> {
  switch (load.kind) {
    case 'sweep':
      return { points: load.points, durationMs };
    case 'steps': {
      const atMs = refusing('--steps', () => stepsTrace(load.steps, load.arrivals, seed));
      const whole = load.steps.reduce((sum, { lengthMs }) => sum + lengthMs, 0);
      return { points: [{ kind: 'trace', atMs }], durationMs: whole };
    }
    case 'trace': {
      const text = await readFileText('--trace', load.path, readText);
      const atMs = refusing(`--trace ${load.path}`, () => readTrace(text));
      return { points: [{ kind: 'trace', atMs }], durationMs: Math.ceil((atMs.at(-1) as number) + 1) };
    }
    case 'intervals': {
      const flag = `--request-intervals ${load.path}`;
      const text = await readFileText('--request-intervals', load.path, readText);
      return {
        points: [{ kind: 'trace', atMs: refusing(flag, () => readIntervals(text, durationMs)) }],
        durationMs,
      };
    }
    case 'search':
      throw new Error('a search has no points');
  }
}

async function readFileText(
  flag: string,
  path: string,
  readText: BenchDependencies['readText'],
): Promise<string> {
  try {
    return await readText(path);
  } catch (error) {
    throw new BenchUsageError([`${flag} ${path}: ${(error as Error).message}`]);
  }
}

function refusing<T>(what: string, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new BenchUsageError([`${what}: ${(error as Error).message}`]);
  }
}

/** For the report. */
export function noteTemplates(templates: readonly CallTemplate[]): TemplateNote[] {
  return templates.map(({ name, rows, weight, bodies }) => ({
    name,
    rows,
    weight,
    bodies: bodies.length,
    bodyBytes: bodies[0]?.length ?? 0,
  }));
}

/** For the report: what two runs must share to be compared. */
export function noteSettings(options: BenchOptions): Record<string, string | number | boolean> {
  const { data, load, service, against } = options;
  return {
    warmupMs: options.warmupMs,
    durationMs: options.durationMs,
    ...(options.maxCalls === undefined ? {} : { maxCalls: options.maxCalls }),
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
    drainMs: options.drainMs,
    connections: options.connections,
    streamsPerConnection: options.streams,
    processes: options.processes,
    seed: options.seed,
    repeat: options.repeat,
    load: load.kind,
    service,
    data: data.kind === 'files' ? data.files.map(({ path }) => path).join(' ') : data.kind,
    verified: options.expect !== undefined,
    ...(against === undefined ? {} : { interleaved: true }),
  };
}
