import { compareMeasurements } from '../compare.js';
import { escapeHtml } from './chart.js';
import { comparisonTable } from './comparison-table.js';
import type { BenchReport, Measurement, SearchOutcome } from './document.js';
import { measurementName, voidMeasurements } from './document.js';
import { ms, number, percent } from './format.js';
import { bySteps, curvePlot, latencyTimePlot, percentilePlot, ratePlot } from './plots.js';
import { searchFound, searchTable } from './search-table.js';
import { STYLE } from './style.js';
import { type ReportTable, reportTable } from './table.js';

/** One page with everything in it: no script, nothing fetched, so that it can be sent to anybody. */
export function reportHtml(report: BenchReport): string {
  const title = `sluice bench: ${report.templates.map(({ name }) => name).join(' + ')}`;
  const { measurements } = report;
  const main = measurements.filter(({ side }) => side === 'main');
  const sections = [
    `<h1>${escapeHtml(title)}</h1><p class="soft">${escapeHtml(report.address)}${report.server === null ? '' : ` (${escapeHtml(report.server)})`}, ${escapeHtml(report.startedAt)}</p>`,
    voidNote(report),
    list('Warnings', report.warnings),
    report.search === null ? '' : searchSection(report.search),
    main.length === 0 ? '<p>Nothing was measured.</p>' : keyFigures(report),
    `<h2>Measurements</h2>${tableHtml(reportTable(measurements))}`,
    report.against === null ? '' : comparisonSection(measurements),
    `<h2>Latency</h2><div class="charts">${percentilePlot(measurements)}${bySteps(main).length > 1 ? curvePlot(measurements) : ''}</div>`,
    timelines(main),
    methodSection(report),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body>
${sections.filter((section) => section !== '').join('\n')}
</body></html>
`;
}

/** Loud on purpose: the figures below it must not be quoted. */
function voidNote(report: BenchReport): string {
  const found = report.search === null ? voidMeasurements(report) : [];
  const generator = report.search?.limitedByGenerator === true;
  if (found.length === 0 && !generator) return '';
  const lines = found.map((one) => `<p>${escapeHtml(`${measurementName(one)}: ${one.result.void}`)}</p>`);
  if (generator) lines.push('<p>The search ended where the generator, not the server, was the limit.</p>');
  return `<div class="void" role="alert"><p><b>VOID: these figures say more about the load generator than about the server.</b></p>${lines.join('')}</div>`;
}

function list(heading: string, lines: readonly string[]): string {
  if (lines.length === 0) return '';
  return `<h2>${heading}</h2><ul>${lines.map((line) => `<li>${escapeHtml(line)}</li>`).join('')}</ul>`;
}

function searchSection(search: SearchOutcome): string {
  const found = `${searchFound(search)}; the search ended: ${search.ended}.`;
  return `<h2>Highest rate</h2><p>${escapeHtml(found)}</p>${tableHtml(searchTable(search))}`;
}

/** The few numbers that people look for first, of the measurement with the most answers. */
function keyFigures({ measurements, search }: BenchReport): string {
  const main = measurements.filter(({ side }) => side === 'main');
  const passed = main.findLast(
    ({ result: { arrivals } }) => arrivals.kind === 'poisson' && arrivals.ratePerS === search?.maxRatePerS,
  );
  const best =
    passed ?? main.reduce((left, right) => (right.figures.okPerS > left.figures.okPerS ? right : left));
  const { figures, step } = best;
  const items: [string, string][] = [
    [number(figures.okPerS), 'answers/s'],
    [ms(figures.p50Ms), 'p50'],
    [ms(figures.p99Ms), 'p99'],
    [ms(figures.p999Ms), 'p99.9'],
    [percent(figures.goodput), 'goodput'],
    [percent(figures.errors), 'errors'],
  ];
  const cells = items.map(
    ([value, label]) => `<div><b>${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></div>`,
  );
  return `<div class="key">${cells.join('')}</div><p class="soft">at ${escapeHtml(step)}</p>`;
}

function comparisonSection(measurements: readonly Measurement[]): string {
  const side = (name: Measurement['side']): Measurement[] =>
    measurements.filter((measurement) => measurement.side === name);
  const { comparisons, warnings } = compareMeasurements(side('against'), side('main'));
  return `<h2>Compared, measured in turn</h2>${tableHtml(comparisonTable(comparisons, ['AGAINST', 'MAIN']))}${list('Doubts', warnings)}`;
}

/** The last measurement's timeline is open, the others' are folded. */
function timelines(main: readonly Measurement[]): string {
  const first = bySteps(main).flatMap(([, of]) => of.slice(0, 1));
  const drawn = first.map((measurement, i) => {
    const plots = `<div class="charts">${ratePlot(measurement)}${latencyTimePlot(measurement)}</div>`;
    const open = i === first.length - 1 ? ' open' : '';
    return `<details${open}><summary>${escapeHtml(measurement.step)}</summary>${plots}</details>`;
  });
  return drawn.length === 0 ? '' : `<h2>Over time</h2>${drawn.join('')}`;
}

function methodSection(report: BenchReport): string {
  const { machine } = report;
  const calls = report.templates.map(
    ({ name, weight, bodies, bodyBytes }) =>
      `${name}: weight ${weight}, ${bodies} bodies, ${bodyBytes} bytes`,
  );
  const pairs: [string, string][] = [
    ['Command', report.command],
    ['Generator', `${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memoryBytes / 2 ** 30)} GiB`],
    ['System', `${machine.system}, Node ${machine.node}`],
    ['Calls', calls.join('; ')],
    ...Object.entries(report.settings).map(([name, value]): [string, string] => [name, String(value)]),
  ];
  const terms = pairs.map(([name, value]) =>
    name === 'Command'
      ? `<dt>${name}</dt><dd><code>${escapeHtml(value)}</code></dd>`
      : `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd>`,
  );
  return `<h2>Method</h2><p>Latency is counted from the instant at which a call was meant to start to the last byte of its answer, so a stall of the server is seen by every call that should have started meanwhile. Percentiles are of answers that were OK and right. Goodput is the share of offered calls that were answered OK, right and in time.</p><dl>${terms.join('')}</dl>`;
}

function tableHtml({ heads, rows, right }: ReportTable): string {
  const side = (column: number): string => (right.has(column) ? '' : ' left');
  const head = heads.map((text, i) => `<th class="${side(i).trim()}">${escapeHtml(text)}</th>`).join('');
  const body = rows.map((cells) => {
    const columns = cells.map(
      (text, i) => `<td class="${(side(i) + mood(text)).trim()}">${escapeHtml(text)}</td>`,
    );
    return `<tr>${columns.join('')}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

function mood(text: string): string {
  if (['VOID', 'WORSE', 'missed', 'void'].includes(text)) return ' bad';
  return ['better', 'met'].includes(text) ? ' good' : '';
}
