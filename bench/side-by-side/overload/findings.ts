import { type Finding, finding } from '../finding.js';
import { numbers, shares, type Table, words } from '../table.js';
import { callCosts, ceilingShare } from './ceiling.js';
import type { DeadlineKind } from './load.js';
import { medianRow, type OverloadRow } from './row.js';

/** What is wanted of a table. Void rows meet no bar. */
export interface OverloadBars {
  /** Least goodput as a share of the peak, by factor. */
  readonly goodput: readonly (readonly [factor: number, share: number])[];
  /** Most p99 by factor, in batch-service times. */
  readonly p99?: readonly [factor: number, serviceTimes: number];
  /** Most of the rows that may run in vain, at any load. */
  readonly wasted?: number;
}

/** One load at all factors, measured once or several times. */
export interface Measurements {
  readonly from: string;
  /** The model and who orders its queue, for people. */
  readonly what: string;
  readonly kind: DeadlineKind;
  readonly capacityPerS: number;
  readonly serviceMs: number;
  /** Each with the rows of all factors. */
  readonly rounds: readonly (readonly OverloadRow[])[];
  /** Where the model shares the cores with those who turn calls away: how many cores. */
  readonly sharedCores?: number;
}

/** The best goodput of any row; void ones do not count. */
export function peakOf(rows: readonly OverloadRow[]): number {
  return Math.max(0, ...rows.map((row) => (row.void === undefined ? row.goodputPerS : 0)));
}

/** The table of medians. */
export function overloadTable(given: Measurements): Table {
  const { from, kind, what, capacityPerS, serviceMs, sharedCores } = given;
  const rows = mediansByFactor(given.rounds);
  const peakPerS = peakOf(rows);
  const costs = sharedCores === undefined ? undefined : callCosts(rows);
  return {
    from,
    title: `${what}, ${kind} deadlines: capacity ${Math.round(capacityPerS)} calls/s, a batch takes ${serviceMs.toFixed(1)} ms`,
    columns: [
      numbers('factor', 'LOAD', 1, 'x'),
      numbers('offeredPerS', 'OFFERED/S', 0),
      numbers('goodputPerS', 'GOODPUT/S', 0),
      shares('ofPeak', 'OF PEAK'),
      ...(costs === undefined ? [] : [shares('ceiling', 'CEILING')]),
      numbers('latePerS', 'LATE/S', 0),
      numbers('refusedPerS', 'REFUSED/S', 0),
      numbers('otherPerS', 'OTHER/S', 0),
      numbers('p50Ms', 'P50 MS', 1),
      numbers('p99Ms', 'P99 MS', 1),
      numbers('p999Ms', 'P99.9 MS', 1),
      numbers('batchRows', 'BATCH', 1),
      shares('wasted', 'WASTED'),
      words('note', ''),
    ],
    rows: rows.map((row) => ({
      ...row,
      ofPeak: row.goodputPerS / peakPerS,
      ...(costs !== undefined && {
        ceiling: ceilingShare(row.offeredPerS, costs, { cores: sharedCores as number, peakPerS }),
        turnedAwayMs: costs.turnedAwayMs,
      }),
      ...(row.void !== undefined && { note: 'void' }),
    })),
  };
}

function mediansByFactor(rounds: readonly (readonly OverloadRow[])[]): OverloadRow[] {
  return (rounds[0] ?? []).map((_, i) => medianRow(rounds.map((rows) => rows[i] as OverloadRow)));
}

/** What the bars say of the table; one value a round. */
export function overloadFindings(given: Measurements, bars: OverloadBars): Finding[] {
  const { from, what, kind, rounds, serviceMs } = given;
  const value = (factor: number, pick: (row: OverloadRow, peak: number) => number): number[] =>
    rounds.map((rows) => {
      const row = rows.find((one) => one.factor === factor);
      return row === undefined || row.void !== undefined ? Number.NaN : pick(row, peakOf(rows));
    });
  const add = (text: string, rest: Pick<Finding, 'unit' | 'bar' | 'rounds' | 'detail'>): Finding =>
    finding({ from, what: `${what}, ${kind} deadlines: ${text}`, ...rest });
  const found = bars.goodput.map(([factor, limit]) =>
    add(`goodput at ${factor}x / peak`, {
      unit: 'share',
      bar: { kind: 'at least', limit },
      rounds: value(factor, (row, peak) => row.goodputPerS / peak),
      detail: `${goodput(rounds, factor)} calls/s of ${rounds.map((rows) => Math.round(peakOf(rows))).join(', ')}`,
    }),
  );
  if (bars.p99 !== undefined) {
    const [factor, times] = bars.p99;
    found.push(
      add(`p99 at ${factor}x`, {
        unit: 'ms',
        bar: { kind: 'at most', limit: times * serviceMs },
        rounds: value(factor, ({ p99Ms }) => p99Ms),
        detail: `wanted within ${times} times the ${serviceMs.toFixed(1)} ms of a batch`,
      }),
    );
  }
  if (bars.wasted !== undefined)
    found.push(
      add('rows that ran in vain, at the worst load', {
        unit: 'share',
        bar: { kind: 'at most', limit: bars.wasted },
        rounds: rounds.map((rows) => Math.max(...rows.map(({ wasted }) => wasted))),
        detail: 'answers that came after the deadline, over all rows that ran',
      }),
    );
  return found;
}

function goodput(rounds: Measurements['rounds'], factor: number): string {
  const all = rounds.map((rows) => rows.find((row) => row.factor === factor)?.goodputPerS ?? Number.NaN);
  return all.map((value) => Math.round(value)).join(', ');
}
