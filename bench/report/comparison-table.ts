import type { Comparison } from '../compare.js';
import { ms, number, percent } from './format.js';
import type { ReportTable } from './table.js';

const WORDS: Readonly<Record<Comparison['verdict'], string>> = {
  better: 'better',
  worse: 'WORSE',
  same: 'no change',
  noise: 'cannot tell from noise',
  unknown: 'one pair only',
};

/** A comparison as a table: both medians, the change with its 95% interval, and the verdict. */
export function comparisonTable(comparisons: readonly Comparison[], names = ['A', 'B']): ReportTable {
  const [a = 'A', b = 'B'] = names;
  return {
    heads: ['LOAD', 'FIGURE', a, b, 'CHANGE', '95% INTERVAL', 'PAIRS', 'VERDICT'],
    rows: comparisons.map((one) => [
      one.step,
      one.figure,
      value(one, one.a),
      value(one, one.b),
      change(one, one.change),
      one.pairs < 2 ? '–' : `${change(one, one.low)} to ${change(one, one.high)}`,
      String(one.pairs),
      WORDS[one.verdict],
    ]),
    right: new Set([2, 3, 4, 5, 6]),
  };
}

function value({ figure, kind }: Comparison, amount: number | null): string {
  if (kind === 'difference') return percent(amount);
  return figure.endsWith('/s') ? number(amount) : ms(amount);
}

/** `+12.3%` of a ratio, `+1.2 pp` (percentage points) of a share. */
function change({ kind }: Comparison, amount: number): string {
  if (!Number.isFinite(amount)) return '–';
  const points = kind === 'ratio' ? (amount - 1) * 100 : amount * 100;
  const text = points.toFixed(Math.abs(points) < 10 ? 1 : 0);
  const signed = Number(text) === 0 ? '0' : points > 0 ? `+${text}` : text;
  return `${signed}${kind === 'ratio' ? '%' : ' pp'}`;
}
