/**
 * The grammar of `--assert`: conditions separated by commas, all of which must hold for every step of the report.
 *
 *   condition = figure operator value
 *   figure    = p50 p90 p95 p99 p99.9 mean min max | rate rows offered maxrate | batch queue compute
 *             | goodput errors late refused failed wrong unanswered busy
 *   operator  = < <= > >= = ==
 *   value     = a time with its unit (20ms), a number of calls, or a share (1%, 0.01), as the figure asks
 */

import { parseDuration } from './ranges.js';
import type { BenchReport, Measurement } from './report/document.js';
import { measurementName, voidMeasurements } from './report/document.js';
import { median } from './report/figures.js';
import { BenchUsageError } from './usage-error.js';

type Operator = '<' | '<=' | '>' | '>=' | '=';

export interface Assertion {
  /** As written. */
  readonly text: string;
  readonly figure: string;
  readonly operator: Operator;
  /** Milliseconds, calls a second, or a share. */
  readonly value: number;
}

type Unit = 'time' | 'number' | 'share';

interface Known {
  readonly unit: Unit;
  readonly read: (measurement: Measurement) => number | null | undefined;
}

const KNOWN: Readonly<Record<string, Known>> = {
  p50: { unit: 'time', read: ({ figures }) => figures.p50Ms },
  p90: { unit: 'time', read: ({ figures }) => figures.p90Ms },
  p95: { unit: 'time', read: ({ figures }) => figures.p95Ms },
  p99: { unit: 'time', read: ({ figures }) => figures.p99Ms },
  'p99.9': { unit: 'time', read: ({ figures }) => figures.p999Ms },
  mean: { unit: 'time', read: ({ figures }) => figures.meanMs },
  min: { unit: 'time', read: ({ figures }) => figures.minMs },
  max: { unit: 'time', read: ({ figures }) => figures.maxMs },
  rate: { unit: 'number', read: ({ figures }) => figures.okPerS },
  rows: { unit: 'number', read: ({ figures }) => figures.rowsPerS },
  offered: { unit: 'number', read: ({ figures }) => figures.offeredPerS },
  batch: { unit: 'number', read: ({ server }) => server?.batchRows },
  queue: { unit: 'time', read: ({ server }) => server?.queueMs },
  compute: { unit: 'time', read: ({ server }) => server?.computeMs },
  goodput: { unit: 'share', read: ({ figures }) => figures.goodput },
  errors: { unit: 'share', read: ({ figures }) => figures.errors },
  late: { unit: 'share', read: ({ figures }) => figures.late },
  refused: { unit: 'share', read: ({ figures }) => figures.refused },
  failed: { unit: 'share', read: ({ figures }) => figures.failed },
  wrong: { unit: 'share', read: ({ figures }) => figures.wrong },
  unanswered: { unit: 'share', read: ({ figures }) => figures.unanswered },
  busy: { unit: 'share', read: ({ figures }) => figures.busy },
};

/** Asked of the whole report, which only a search can answer. */
const MAX_RATE = 'maxrate';

const WANTED: Readonly<Record<Unit, string>> = {
  time: 'a time with its unit, e.g. 20ms',
  number: 'a number, e.g. 1000',
  share: 'a share, e.g. 1% or 0.01',
};

/** Parses `--assert`. Throws BenchUsageError with the column of every fault. */
export function parseAssertions(text: string): Assertion[] {
  const problems: string[] = [];
  const assertions: Assertion[] = [];
  let column = 1;
  for (const part of text.split(',')) {
    const parsed = parseOne(part, column + (part.length - part.trimStart().length));
    if (typeof parsed === 'string') problems.push(`--assert "${text}", ${parsed}`);
    else assertions.push(parsed);
    column += part.length + 1;
  }
  if (problems.length > 0) throw new BenchUsageError(problems);
  return assertions;
}

/** The condition, or where and what is wrong with it. */
function parseOne(part: string, column: number): Assertion | string {
  const text = part.trim();
  const [, figure = '', gap = '', sign = '', rest = ''] =
    /^([\w.]*)(\s*)(<=|>=|==|=|<|>)?(.*)$/.exec(text) ?? [];
  const unit =
    figure === MAX_RATE ? 'number' : Object.hasOwn(KNOWN, figure) ? KNOWN[figure]?.unit : undefined;
  if (unit === undefined) {
    const names = [...Object.keys(KNOWN), MAX_RATE].join(' ');
    return `column ${column}: "${figure === '' ? text : figure}" is no figure; wanted one of ${names}`;
  }
  const signColumn = column + figure.length + gap.length;
  if (sign === '') return `column ${signColumn}: "${rest}" is no operator; wanted < <= > >= or =`;
  const given = rest.trim();
  const value = parseValue(unit, given);
  if (value === undefined) {
    const valueColumn = signColumn + sign.length + (rest.length - rest.trimStart().length);
    return `column ${valueColumn}: "${given}" is no value of ${figure}; wanted ${WANTED[unit]}`;
  }
  return { text, figure, operator: sign === '==' ? '=' : (sign as Operator), value };
}

function parseValue(unit: Unit, text: string): number | undefined {
  if (unit === 'time') return parseDuration(text);
  const percent = unit === 'share' && text.endsWith('%');
  const number = percent ? text.slice(0, -1) : text;
  if (!/^\d+(\.\d+)?(e-?\d+)?$/i.test(number)) return undefined;
  return percent ? Number(number) / 100 : Number(number);
}

/**
 * What does not hold, in words; empty when everything does. The value of a step is the median of its repetitions. A
 * void measurement fails by itself: its figures prove nothing. So does a figure that is not there.
 */
export function checkAssertions(
  assertions: readonly Assertion[],
  report: Pick<BenchReport, 'measurements' | 'search'>,
): string[] {
  const failures = voidFailures(report);
  const main = report.measurements.filter(({ side }) => side === 'main');
  const steps = [...new Set(main.map(({ step }) => step))];
  if (steps.length === 0) failures.push('nothing was measured');
  for (const assertion of assertions) {
    if (assertion.figure === MAX_RATE) {
      const found = report.search?.maxRatePerS ?? null;
      failures.push(...failureOf(assertion, found, 'the search'));
      continue;
    }
    // The steps of a search are meant to fail; the one that counts is the highest that passed.
    const counted = report.search === null ? steps : steps.filter((step) => step === passedStep(report));
    if (report.search !== null && counted.length === 0)
      failures.push(`${assertion.text}: no rate met the bound`);
    for (const step of counted) {
      const read = KNOWN[assertion.figure]?.read as Known['read'];
      const value = median(main.filter((measurement) => measurement.step === step).map(read));
      failures.push(...failureOf(assertion, value, step));
    }
  }
  return failures;
}

function voidFailures(report: Pick<BenchReport, 'measurements' | 'search'>): string[] {
  if (report.search !== null) {
    return report.search.limitedByGenerator
      ? ['the search is void: the generator, not the server, was the limit']
      : [];
  }
  return voidMeasurements(report).map((one) => `${measurementName(one)} is void: ${one.result.void}`);
}

function passedStep({
  search,
  measurements,
}: Pick<BenchReport, 'measurements' | 'search'>): string | undefined {
  return measurements.findLast(
    ({ result: { arrivals } }) => arrivals.kind === 'poisson' && arrivals.ratePerS === search?.maxRatePerS,
  )?.step;
}

function failureOf(
  { text, figure, operator, value }: Assertion,
  actual: number | null,
  where: string,
): string[] {
  if (actual === null) return [`${text}: ${where} has no ${figure}`];
  const holds = {
    '<': actual < value,
    '<=': actual <= value,
    '>': actual > value,
    '>=': actual >= value,
    '=': actual === value,
  }[operator];
  return holds ? [] : [`${text}: ${figure} is ${valueText(figure, actual)} at ${where}`];
}

function valueText(figure: string, value: number): string {
  const rounded = (number: number): string => String(Number(number.toPrecision(4)));
  const unit = Object.hasOwn(KNOWN, figure) ? KNOWN[figure]?.unit : 'number';
  if (unit === 'time') return `${rounded(value)} ms`;
  return unit === 'share' ? `${rounded(value * 100)}%` : rounded(value);
}
