import type { Slice } from '../contract.js';
import { LatencyCounts } from '../latency-counts.js';
import { type Chart, chartHtml, type Series } from './chart.js';
import type { Measurement } from './document.js';
import { median } from './figures.js';
import { ms, number } from './format.js';
import { fittingScale, linearScale, ninesScale, type Scale, spanScale } from './scale.js';

/** More lines than this cannot be told apart. */
const MAX_LINES = 8;
/** Red is for what is slow or failed, so it comes late. */
const LINE_COLOURS = [1, 2, 3, 4, 5, 6, 0, 7];

/** Ticks are round numbers already. */
const plain = (value: number): string => String(Number(value.toPrecision(6)));

/** Measurements by step, in the order of the report; repetitions together. */
export function bySteps(measurements: readonly Measurement[]): [step: string, of: Measurement[]][] {
  const steps = new Map<string, Measurement[]>();
  for (const measurement of measurements) {
    const name = measurement.side === 'against' ? `${measurement.step} (against)` : measurement.step;
    steps.set(name, [...(steps.get(name) ?? []), measurement]);
  }
  return [...steps];
}

/** Latency by percentile, a line per step; many steps are thinned out evenly. */
export function percentilePlot(measurements: readonly Measurement[]): string {
  const steps = thinned(
    bySteps(measurements).filter(([, of]) => of.some(({ result }) => result.latency.buckets.length > 0)),
  );
  let nines = 1;
  const series = steps.map(([name, of], index): Series => {
    const latency = new LatencyCounts();
    for (const { result } of of) latency.add(result.latency);
    // Beyond one call in all there is nothing to see.
    const own = Math.min(6, Math.max(1, Math.log10(latency.count)));
    nines = Math.max(nines, own);
    const points = Array.from({ length: 121 }, (_, i): [number, number] => {
      const q = 1 - 10 ** ((-own * i) / 120);
      return [q, latency.quantile(q)];
    });
    return { name, points, colour: LINE_COLOURS[index] ?? 7 };
  });
  const values = series.flatMap(({ points }) => points.map(([, y]) => y));
  return draw({
    title: 'Latency by percentile',
    description: 'Latency of answers by percentile, one line for each load',
    x: ninesScale(nines),
    y: fittingScale(values, plain),
    xTitle: 'share of calls that were at most this slow',
    yTitle: 'ms',
    series,
  });
}

/** p50 and p99 over throughput, a point per step. */
export function curvePlot(measurements: readonly Measurement[]): string {
  const main = bySteps(measurements.filter(({ side }) => side === 'main'));
  const lines = [
    ['p50', 'p50Ms', 1],
    ['p99', 'p99Ms', 0],
  ] as const;
  const series = lines.map(([name, figure, colour]): Series => {
    const points = main.flatMap(([step, of]) => {
      const y = median(of.map(({ figures }) => figures[figure]));
      const x = median(of.map(({ figures }) => figures.okPerS));
      return y === null || x === null ? [] : [{ x, y, label: `${step}: ${number(x)}/s, ${name} ${ms(y)}` }];
    });
    return {
      name,
      colour,
      points: points.map(({ x, y }) => [x, y]),
      labels: points.map(({ label }) => label),
    };
  });
  const xs = series.flatMap(({ points }) => points.map(([x]) => x));
  const ys = series.flatMap(({ points }) => points.map(([, y]) => y));
  return draw({
    title: 'Latency over throughput',
    description: 'Median and 99th percentile of latency against answers per second, one point for each load',
    x: linearScale(Math.max(...xs, 0), plain),
    y: fittingScale(ys, plain),
    xTitle: 'answers/s',
    yTitle: 'ms',
    series,
  });
}

/** Calls per second by how they ended, over the time of one measurement. */
export function ratePlot({ result, step }: Measurement): string {
  const slices = result.timeline.filter(({ lengthMs }) => lengthMs > 0);
  const kinds = [
    ['offered', 7, true],
    ['ok', 2, false],
    ['late', 1, false],
    ['refused', 3, false],
    ['failed', 0, false],
  ] as const;
  const series = kinds
    .filter(([kind]) => kind === 'offered' || kind === 'ok' || slices.some((slice) => slice[kind] > 0))
    .map(
      ([kind, colour, dashed]): Series => ({
        name: kind === 'ok' ? 'answered in time' : kind,
        colour,
        dashed,
        points: slices.map((slice) => [middleS(slice), (slice[kind] / slice.lengthMs) * 1000]),
      }),
    );
  const top = Math.max(...series.flatMap(({ points }) => points.map(([, y]) => y)), 0);
  return draw({
    title: `Calls over time: ${step}`,
    description: 'Calls per second over the time of the measurement, by how they ended',
    x: timeScale(slices),
    y: linearScale(top, plain),
    xTitle: 'seconds from the start of the measurement',
    yTitle: 'calls/s',
    series,
  });
}

/** p50 and p99 over the time of one measurement. */
export function latencyTimePlot({ result, step }: Measurement): string {
  const slices = result.timeline.filter(({ ok }) => ok > 0);
  const lines = [
    ['p50', 'p50Ms', 1],
    ['p99', 'p99Ms', 0],
  ] as const;
  const series = lines.map(
    ([name, key, colour]): Series => ({
      name,
      colour,
      points: slices.map((slice) => [middleS(slice), slice[key]]),
    }),
  );
  const values = series.flatMap(({ points }) => points.map(([, y]) => y));
  return draw({
    title: `Latency over time: ${step}`,
    description: 'Median and 99th percentile of latency over the time of the measurement',
    x: timeScale(result.timeline),
    y: fittingScale(values, plain),
    xTitle: 'seconds from the start of the measurement',
    yTitle: 'ms',
    series,
  });
}

function middleS({ atMs, lengthMs }: Slice): number {
  return (atMs + lengthMs / 2) / 1000;
}

function timeScale(slices: readonly Slice[]): Scale {
  const end = Math.max(...slices.map(({ atMs, lengthMs }) => atMs + lengthMs), 0);
  return spanScale(end / 1000, plain);
}

function draw(chart: Chart): string {
  return chart.series.some(({ points }) => points.length > 0) ? chartHtml(chart) : '';
}

function thinned<T>(items: readonly T[]): T[] {
  if (items.length <= MAX_LINES) return [...items];
  const last = items.length - 1;
  return Array.from({ length: MAX_LINES }, (_, i) => items[Math.round((i * last) / (MAX_LINES - 1))] as T);
}
