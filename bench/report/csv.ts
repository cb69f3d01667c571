import type { BenchReport, Measurement } from './document.js';

/** perf_analyzer's columns, in its order and spelling; latencies in microseconds. */
const PERF_ANALYZER = [
  'Inferences/Second',
  'Client Send',
  'Network+Server Send/Recv',
  'Server Queue',
  'Server Compute Input',
  'Server Compute Infer',
  'Server Compute Output',
  'Client Recv',
  'p50 latency',
  'p90 latency',
  'p95 latency',
  'p99 latency',
] as const;

const OWN = [
  'p99.9 latency',
  'Avg latency',
  'Max latency',
  'Offered/Second',
  'Requests/Second',
  'Goodput',
  'Offered',
  'OK',
  'Late',
  'Refused',
  'Failed',
  'Wrong',
  'Unanswered',
  'Errors by Status',
  'Average Batch',
  'Generator Busy',
  'Void',
  'Step',
  'Repetition',
  'Side',
] as const;

/** A report as CSV (RFC 4180): perf_analyzer's columns first, so that what reads its files reads this one. */
export function reportCsv(report: Pick<BenchReport, 'measurements'>): string {
  const closed = report.measurements.every(({ result }) => result.arrivals.kind === 'closed');
  const head = [closed ? 'Concurrency' : 'Request Rate', ...PERF_ANALYZER, ...OWN];
  const lines = [head, ...report.measurements.map(row)];
  return lines.map((cells) => `${cells.map(cell).join(',')}\n`).join('');
}

function row(measurement: Measurement): (string | number | null)[] {
  const { figures, server, result, step, repetition, side } = measurement;
  const { counts } = result;
  const us = (ms: number | null | undefined): number | null =>
    ms === null || ms === undefined ? null : Math.round(ms * 1000);
  const serverParts = [
    server?.queueMs,
    server?.computeInputMs,
    server?.computeMs,
    server?.computeOutputMs,
  ].map(us);
  const known = serverParts.reduce((sum: number, part) => sum + (part ?? 0), 0);
  const mean = us(figures.meanMs);
  return [
    load(measurement),
    round(figures.rowsPerS),
    // The client's own share is not taken apart: it is part of the rest, so that the parts add up to the mean.
    0,
    mean === null ? null : Math.max(0, mean - known),
    ...serverParts,
    0,
    ...[figures.p50Ms, figures.p90Ms, figures.p95Ms, figures.p99Ms, figures.p999Ms].map(us),
    mean,
    us(figures.maxMs),
    round(figures.offeredPerS),
    round(figures.okPerS),
    figures.goodput === null ? null : Number(figures.goodput.toFixed(6)),
    counts.offered,
    counts.ok,
    counts.late,
    counts.refused,
    counts.failed,
    counts.wrong,
    counts.unanswered,
    Object.entries(counts.byStatus)
      .filter(([name]) => name !== 'OK')
      .map(([name, count]) => `${name}:${count}`)
      .join(' '),
    server?.batchRows === undefined ? null : round(server.batchRows),
    round(figures.busy),
    result.void ?? '',
    step,
    repetition,
    side,
  ];
}

function load({ result: { arrivals }, figures }: Measurement): number {
  if (arrivals.kind === 'closed') return arrivals.concurrency;
  return arrivals.kind === 'trace' || arrivals.kind === 'bursts'
    ? round(figures.offeredPerS)
    : arrivals.ratePerS;
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

function cell(value: string | number | null): string {
  const text = value === null ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
