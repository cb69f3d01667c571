import type { Measurement } from './document.js';
import { ms, number, percent, statuses } from './format.js';

/** One column of the final table, in the terminal and in HTML. */
interface Column {
  readonly head: string;
  readonly cell: (measurement: Measurement) => string;
  /** Shown only when it says something in at least one row. */
  readonly optional?: boolean;
}

const COLUMNS: readonly Column[] = [
  { head: 'LOAD', cell: ({ step, side }) => (side === 'against' ? `${step} (against)` : step) },
  { head: 'REP', cell: ({ repetition }) => String(repetition + 1), optional: true },
  { head: 'OFFERED/S', cell: ({ figures }) => number(figures.offeredPerS) },
  { head: 'OK/S', cell: ({ figures }) => number(figures.okPerS) },
  { head: 'ROWS/S', cell: ({ figures }) => number(figures.rowsPerS), optional: true },
  { head: 'GOODPUT', cell: ({ figures }) => percent(figures.goodput) },
  { head: 'P50', cell: ({ figures }) => ms(figures.p50Ms) },
  { head: 'P90', cell: ({ figures }) => ms(figures.p90Ms) },
  { head: 'P99', cell: ({ figures }) => ms(figures.p99Ms) },
  { head: 'P99.9', cell: ({ figures }) => ms(figures.p999Ms) },
  { head: 'MAX', cell: ({ figures }) => ms(figures.maxMs) },
  { head: 'BATCH', cell: ({ server }) => number(server?.batchRows), optional: true },
  { head: 'QUEUE', cell: ({ server }) => ms(server?.queueMs), optional: true },
  { head: 'COMPUTE', cell: ({ server }) => ms(server?.computeMs), optional: true },
  { head: 'LATE', cell: ({ figures }) => percent(figures.late), optional: true },
  { head: 'REFUSED', cell: ({ figures }) => percent(figures.refused), optional: true },
  { head: 'FAILED', cell: ({ figures }) => percent(figures.failed), optional: true },
  { head: 'WRONG', cell: ({ figures }) => percent(figures.wrong), optional: true },
  { head: 'UNANSWERED', cell: ({ figures }) => percent(figures.unanswered), optional: true },
  { head: 'ERRORS', cell: ({ result }) => statuses(result.counts.byStatus), optional: true },
  { head: 'VOID', cell: ({ result }) => (result.void === undefined ? '' : 'VOID'), optional: true },
];

export interface ReportTable {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Columns of numbers, which end together. */
  readonly right: ReadonlySet<number>;
}

/** The final table of a report. Columns that say nothing in any row are left out. */
export function reportTable(measurements: readonly Measurement[]): ReportTable {
  const rowsDiffer = measurements.some(({ figures }) => figures.rowsPerS !== figures.okPerS);
  const repeated = measurements.some(({ repetition }) => repetition > 0);
  const shown = COLUMNS.filter(({ head, optional, cell }) => {
    if (!optional) return true;
    if (head === 'ROWS/S') return rowsDiffer;
    if (head === 'REP') return repeated;
    return measurements.some((measurement) => !['', '–', '0%'].includes(cell(measurement)));
  });
  return {
    heads: shown.map(({ head }) => head),
    rows: measurements.map((measurement) => shown.map(({ cell }) => cell(measurement))),
    right: new Set(shown.flatMap(({ head }, i) => (['LOAD', 'ERRORS', 'VOID'].includes(head) ? [] : [i]))),
  };
}
