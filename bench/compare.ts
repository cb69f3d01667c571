import type { BenchReport, Figures, Measurement } from './report/document.js';
import { median } from './report/figures.js';
import { pairedShift } from './statistics.js';

/** What to make of a difference. */
export type Verdict =
  /** The interval lies on one side of no change. */
  | 'better'
  | 'worse'
  /** The interval holds no change, and nothing larger than the threshold. */
  | 'same'
  /** The interval holds no change and large ones too: more repetitions would tell. */
  | 'noise'
  /** Fewer than two pairs. */
  | 'unknown';

/** One figure of one step, compared. */
export interface Comparison {
  readonly step: string;
  readonly figure: string;
  /** Medians over the repetitions; null when the figure was never there. */
  readonly a: number | null;
  readonly b: number | null;
  /** b / a for rates and times; b - a for shares. */
  readonly kind: 'ratio' | 'difference';
  readonly change: number;
  readonly low: number;
  readonly high: number;
  readonly pairs: number;
  readonly verdict: Verdict;
}

export interface ComparedReports {
  readonly comparisons: readonly Comparison[];
  /** Why the comparison may be worth less than it looks. */
  readonly warnings: readonly string[];
}

interface Compared {
  readonly figure: keyof Figures;
  readonly label: string;
  readonly kind: Comparison['kind'];
  readonly better: 'more' | 'less';
}

const COMPARED: readonly Compared[] = [
  { figure: 'okPerS', label: 'answers/s', kind: 'ratio', better: 'more' },
  { figure: 'p50Ms', label: 'p50', kind: 'ratio', better: 'less' },
  { figure: 'p99Ms', label: 'p99', kind: 'ratio', better: 'less' },
  { figure: 'meanMs', label: 'mean', kind: 'ratio', better: 'less' },
  { figure: 'errors', label: 'errors', kind: 'difference', better: 'less' },
];

/** A change smaller than this does not matter: 3%, or 0.3 percentage points of a share. */
const SMALL_RATIO = 0.03;
const SMALL_SHARE = 0.003;

/** Compares b with a, step by step; the i-th repetition of one is the partner of the i-th of the other. */
export function compareMeasurements(
  a: readonly Measurement[],
  b: readonly Measurement[],
): Pick<ComparedReports, 'comparisons' | 'warnings'> {
  const steps = [...new Set(a.map(({ step }) => step))];
  const other = new Set(b.map(({ step }) => step));
  const shared = steps.filter((step) => other.has(step));
  const warnings: string[] = [];
  const lonely = [...steps, ...other].filter((step) => !shared.includes(step));
  if (lonely.length > 0) warnings.push(`measured on one side only, and left out: ${lonely.join('; ')}`);
  const comparisons = shared.flatMap((step) => {
    const ofStep = (side: readonly Measurement[]): readonly Measurement[] =>
      side.filter((measurement) => measurement.step === step);
    return COMPARED.map((what) => compareFigure(step, what, ofStep(a), ofStep(b)));
  });
  if (comparisons.some(({ pairs }) => pairs < 2)) {
    warnings.push('one repetition cannot tell a change from noise: measure with --repeat 6 or more');
  }
  return { comparisons, warnings };
}

/** Compares two reports, and says what makes that doubtful. */
export function compareReports(a: BenchReport, b: BenchReport): ComparedReports {
  const main = (report: BenchReport): Measurement[] =>
    report.measurements.filter(({ side }) => side === 'main');
  const { comparisons, warnings } = compareMeasurements(main(a), main(b));
  const doubts = [...warnings];
  for (const [name, report] of [
    ['a', a],
    ['b', b],
  ] as const) {
    const bad = report.measurements.filter(({ result }) => result.void !== undefined).length;
    if (bad > 0)
      doubts.push(
        `${bad} of ${report.measurements.length} measurements of ${name} are void: see that report`,
      );
  }
  if (a.machine.cpu !== b.machine.cpu || a.machine.cores !== b.machine.cores) {
    doubts.push(
      `measured from different machines: ${a.machine.cpu} x${a.machine.cores} and ${b.machine.cpu} x${b.machine.cores}`,
    );
  }
  const changed = changedSettings(a, b);
  if (changed.length > 0) doubts.push(`measured with different settings: ${changed.join(', ')}`);
  if (apartInTime(a, b)) {
    doubts.push(
      'measured one after the other, so a machine that changed meanwhile looks like a change of the server: --against measures two servers in turn',
    );
  }
  return { comparisons, warnings: doubts };
}

function changedSettings(a: BenchReport, b: BenchReport): string[] {
  const names = [...new Set([...Object.keys(a.settings), ...Object.keys(b.settings)])];
  const changes = names
    .filter((name) => a.settings[name] !== b.settings[name])
    .map((name) => `${name} ${a.settings[name] ?? 'unset'} and ${b.settings[name] ?? 'unset'}`);
  const calls = (report: BenchReport): string =>
    report.templates.map(({ name, weight, bodyBytes }) => `${name} (${weight}, ${bodyBytes} B)`).join(' + ');
  return calls(a) === calls(b) ? changes : [...changes, `calls ${calls(a)} and ${calls(b)}`];
}

/** Whether one report ended before the other began. */
function apartInTime(a: BenchReport, b: BenchReport): boolean {
  const span = ({ measurements }: BenchReport): [number, number] => {
    const times = measurements.map(({ startedAt }) => Date.parse(startedAt));
    return [Math.min(...times), Math.max(...times)];
  };
  const [startA, endA] = span(a);
  const [startB, endB] = span(b);
  return endA < startB || endB < startA;
}

function compareFigure(
  step: string,
  { figure, label, kind, better }: Compared,
  a: readonly Measurement[],
  b: readonly Measurement[],
): Comparison {
  const pairs = a.flatMap((left): [number, number][] => {
    const right = b.find(({ repetition }) => repetition === left.repetition);
    const from = left.figures[figure];
    const to = right?.figures[figure];
    const usable = typeof from === 'number' && typeof to === 'number';
    return usable && (kind === 'difference' || (from > 0 && to > 0)) ? [[from, to]] : [];
  });
  const ratio = kind === 'ratio';
  const shift = pairedShift(pairs.map(([from, to]) => (ratio ? Math.log(to / from) : to - from)));
  const scale = (value: number): number => (ratio ? Math.exp(value) : value);
  const small = ratio ? Math.log(1 + SMALL_RATIO) : SMALL_SHARE;
  return {
    step,
    figure: label,
    a: median(pairs.map(([from]) => from)),
    b: median(pairs.map(([, to]) => to)),
    kind,
    change: scale(shift.estimate),
    low: scale(shift.low),
    high: scale(shift.high),
    pairs: shift.pairs,
    verdict: verdictOf(shift, small, better),
  };
}

function verdictOf(
  { low, high, pairs }: { low: number; high: number; pairs: number },
  small: number,
  better: 'more' | 'less',
): Verdict {
  if (pairs < 2) return 'unknown';
  if (low >= -small && high <= small) return 'same';
  if (low > 0) return better === 'more' ? 'better' : 'worse';
  if (high < 0) return better === 'more' ? 'worse' : 'better';
  return 'noise';
}
