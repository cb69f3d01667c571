import { compareMeasurements } from '../bench/compare.js';
import { comparisonTable } from '../bench/report/comparison-table.js';
import {
  type BenchReport,
  measurementName,
  type SearchOutcome,
  voidMeasurements,
} from '../bench/report/document.js';
import { searchFound, searchTable } from '../bench/report/search-table.js';
import { type ReportTable, reportTable } from '../bench/report/table.js';
import { renderTable } from './table.js';

const tableText = ({ heads, rows, right }: ReportTable): string => renderTable(heads, rows, right);

/** The final report for a terminal. Ends with a newline. */
export function reportText(report: BenchReport): string {
  const parts: string[] = [];
  if (report.measurements.length > 0) parts.push(tableText(reportTable(report.measurements)));
  if (report.against !== null) {
    const side = (name: string) => report.measurements.filter((measurement) => measurement.side === name);
    const { comparisons, warnings } = compareMeasurements(side('against'), side('main'));
    parts.push(
      `${tableText(comparisonTable(comparisons, ['AGAINST', 'MAIN']))}${warnings.map((line) => `${line}\n`).join('')}`,
    );
  }
  if (report.search !== null) parts.push(searchText(report.search));
  const samples = [...new Set(report.measurements.flatMap(({ result }) => result.samples))].slice(0, 5);
  if (samples.length > 0)
    parts.push(`Some of what went wrong:\n${samples.map((line) => `  ${line}\n`).join('')}`);
  if (report.warnings.length > 0) parts.push(report.warnings.map((line) => `Warning: ${line}\n`).join(''));
  const loud = voidText(report);
  if (loud !== '') parts.push(loud);
  return parts.join('\n');
}

function searchText(search: SearchOutcome): string {
  return `${tableText(searchTable(search))}\n${searchFound(search)}.\nThe search ended: ${search.ended}.\n`;
}

/** Why nothing here should be quoted; empty when the run is good. */
function voidText(report: BenchReport): string {
  const found = report.search === null ? voidMeasurements(report) : [];
  const lines = found.map((one) => `  ${measurementName(one)}: ${one.result.void}\n`);
  if (report.search?.limitedByGenerator) lines.push('  the search ended where the generator was the limit\n');
  if (lines.length === 0) return '';
  return `VOID: these figures say more about the load generator than about the server.\n${lines.join('')}`;
}
