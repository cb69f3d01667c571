import type { Scenario } from './scenario.js';
import type { Verdict } from './verdict.js';

/** One line of the report: a scenario with its verdict, or why it was not run. */
export interface Line {
  readonly scenario: Scenario;
  readonly verdict: Verdict | { readonly notAvailable: string };
}

const HEAD = [
  'scenario',
  'what one of two workers does',
  'failed',
  'doubled',
  'wrong',
  'full capacity after (at most)',
  'p99 above steady, in batch-service times (at most)',
  'met',
];

/** The table of the page, in markdown. */
export function markdownTable(lines: readonly Line[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...lines.map(cells)];
  return `${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`;
}

/** The same for a terminal. */
export function plainLine(line: Line): string {
  const [name, , failed, doubled, wrong, full, p99, met] = cells(line) as [string, ...string[]];
  const { verdict } = line;
  if ('notAvailable' in verdict) return `${name.padEnd(20)} ${met}: ${verdict.notAvailable}`;
  const figures = `failed ${failed}, doubled ${doubled}, wrong ${wrong}, full after ${full}, p99 +${p99}`;
  return [`${name.padEnd(20)} ${met === 'yes' ? 'met ' : 'MISS'} ${figures}`, ...verdict.misses].join(
    '\n    ',
  );
}

function cells({ scenario, verdict }: Line): string[] {
  const { name, what, bars } = scenario;
  if ('notAvailable' in verdict) return [name, what, '-', '-', '-', '-', '-', 'not run'];
  const { calls, failed, doubled, wrong, fullMs, p99Services, misses } = verdict;
  const limit = (text: string, most: number | undefined, unit: string): string =>
    most === undefined ? text : `${text} (${most}${unit})`;
  const never = bars.fullMs === undefined ? '-' : 'never';
  return [
    name,
    what,
    `${failed} of ${calls}`,
    String(doubled),
    String(wrong),
    limit(fullMs === undefined ? never : `${Math.round(fullMs)} ms`, bars.fullMs, ' ms'),
    limit(p99Services === undefined ? '-' : p99Services.toFixed(1), bars.p99Services, ''),
    misses.length === 0 ? 'yes' : 'NO',
  ];
}
