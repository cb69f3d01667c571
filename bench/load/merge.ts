import type {
  Counts,
  LatencyData,
  LoadPlan,
  LoadResult,
  Progress,
  Slice,
  TemplateResult,
} from '../contract.js';
import { LatencyCounts } from '../latency-counts.js';
import { MAX_SAMPLES, type SlicePart } from '../recorder.js';
import type { PartProgress, PartResult } from './driver.js';

/** Above this a generator process may itself have been what calls waited for. */
const MAX_BUSY = 0.8;
/** A percentile of lateness may be this share of the same percentile of latency, … */
const MAX_LATENESS_SHARE = 0.1;
/** … or so many milliseconds: at the median two wake-ups, at the 99th percentile a wait for a core that others use. */
const MAX_LATENESS_MS = [
  [0.5, 0.25],
  [0.99, 1],
] as const;

/** One result from what the generator processes found. */
export function mergeParts(plan: LoadPlan, parts: readonly PartResult[]): LoadResult {
  const templates = plan.templates.map(({ name }, i): TemplateResult => {
    const own = parts.flatMap((part) => part.templates[i] ?? []);
    return {
      name,
      counts: sumCounts(own.map(({ counts }) => counts)),
      latency: mergeLatencies(own.map(({ latency }) => latency)),
    };
  });
  const latency = mergeLatencies(templates.map((template) => template.latency));
  const lateness = mergeLatencies(parts.map((part) => part.lateness));
  const busy = Math.max(0, ...parts.map((part) => part.busy));
  const deadlines = plan.templates.map((one) => one.deadlineMs ?? plan.deadlineMs ?? 0);
  const why = voidReason({ busy, lateness, latency, deadlineMs: Math.min(...deadlines) });
  return {
    arrivals: plan.arrivals,
    durationMs: Math.max(...parts.map(({ durationMs }) => durationMs)),
    counts: sumCounts(templates.map(({ counts }) => counts)),
    rowsOk: plan.templates.reduce((sum, { rows }, i) => sum + rows * (templates[i]?.counts.ok ?? 0), 0),
    latency,
    templates,
    timeline: mergeSlices(plan, parts),
    lateness,
    busy,
    ...(why === undefined ? {} : { void: why }),
    samples: [...new Set(parts.flatMap(({ samples }) => samples))].slice(0, MAX_SAMPLES),
  };
}

/**
 * Why a run says more about the generator than about the server: a generator process was over 80% busy, in a closed loop
 * too, or calls were started late for its own reasons. Latency counts from the intended start, so a late start is part
 * of it, and makes a server look slow that is not: by about as much, at each percentile, as starts were late at the same
 * percentile. So these two are compared, at the median and at the 99th. Where no answer came in time for anything, lateness
 * is compared with the shortest deadline: that is what a late start takes from.
 */
export function voidReason(run: {
  readonly busy: number;
  readonly lateness: LatencyData;
  readonly latency: LatencyData;
  /** 0 without one. */
  readonly deadlineMs?: number;
}): string | undefined {
  if (run.busy > MAX_BUSY)
    return `the generator was ${Math.round(run.busy * 100)}% busy, allowed are ${MAX_BUSY * 100}%: use more processes or a lower load`;
  const [lateness, latency] = [LatencyCounts.from(run.lateness), LatencyCounts.from(run.latency)];
  for (const [q, leastMs] of MAX_LATENESS_MS) {
    const lateMs = lateness.quantile(q);
    const usualMs = latency.count > 0 ? latency.quantile(q) : (run.deadlineMs ?? 0);
    const allowedMs = Math.max(leastMs, MAX_LATENESS_SHARE * usualMs);
    if (lateMs > allowedMs)
      return `the generator started ${Math.round((1 - q) * 100)}% of its calls ${lateMs.toFixed(2)} ms late or more, allowed are ${allowedMs.toFixed(2)} ms, a tenth of ${latency.count > 0 ? 'that percentile of the latency' : 'the deadline'} or ${leastMs} ms`;
  }
  return undefined;
}

/** One picture from what the processes said last; each has said something. */
export function mergeProgress(parts: readonly PartProgress[]): Progress {
  const order = ['warmup', 'measure', 'drain'] as const;
  const phase = order.find((name) => parts.some((part) => part.phase === name)) ?? 'drain';
  const latencies = LatencyCounts.from(mergeLatencies(parts.map(({ latency }) => latency)));
  const counts = { offered: 0, ok: 0, late: 0, refused: 0, failed: 0 };
  let ratePerS = 0;
  for (const part of parts) {
    for (const key of ['offered', 'ok', 'late', 'refused', 'failed'] as const)
      counts[key] += part.counts[key];
    const answers = part.latency.buckets.reduce((sum, [, count]) => sum + count, 0);
    if (part.intervalMs > 0) ratePerS += (answers * 1000) / part.intervalMs;
  }
  return {
    phase,
    elapsedMs: Math.max(...parts.filter((part) => part.phase === phase).map(({ elapsedMs }) => elapsedMs)),
    counts,
    ratePerS,
    p50Ms: latencies.quantile(0.5),
    p99Ms: latencies.quantile(0.99),
  };
}

function mergeLatencies(all: readonly LatencyData[]): LatencyData {
  const merged = new LatencyCounts();
  for (const data of all) merged.add(data);
  return merged.toData();
}

function sumCounts(all: readonly Counts[]): Counts {
  const sum = { offered: 0, ok: 0, late: 0, refused: 0, failed: 0, wrong: 0, unanswered: 0 };
  const byStatus: Record<string, number> = {};
  for (const counts of all) {
    for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
    for (const [name, count] of Object.entries(counts.byStatus))
      byStatus[name] = (byStatus[name] ?? 0) + count;
  }
  return { ...sum, byStatus };
}

function mergeSlices(plan: LoadPlan, parts: readonly PartResult[]): Slice[] {
  const count = Math.max(0, ...parts.map(({ slices }) => slices.length));
  return Array.from({ length: count }, (_, i): Slice => {
    const own = parts.flatMap((part) => part.slices[i] ?? []);
    const sliceMs = parts[0]?.sliceMs ?? 0;
    const sum = (key: Exclude<keyof SlicePart, 'latency'>): number =>
      own.reduce((total, slice) => total + slice[key], 0);
    const latency = LatencyCounts.from(mergeLatencies(own.map((slice) => slice.latency)));
    return {
      atMs: i * sliceMs,
      lengthMs: Math.min(sliceMs, Math.max(0, plan.durationMs - i * sliceMs)),
      offered: sum('offered'),
      ok: sum('ok'),
      late: sum('late'),
      refused: sum('refused'),
      failed: sum('failed'),
      p50Ms: latency.quantile(0.5),
      p99Ms: latency.quantile(0.99),
    };
  });
}
