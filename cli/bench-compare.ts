import { readFile } from 'node:fs/promises';
import { compareReports } from '../bench/compare.js';
import { comparisonTable } from '../bench/report/comparison-table.js';
import type { BenchReport } from '../bench/report/document.js';
import { readReport } from '../bench/report/read-report.js';
import { usageError } from './exit-code.js';
import type { Io } from './io.js';
import { renderTable } from './table.js';

/** `sluice bench --compare a.json b.json`: what changed from the first to the second, and whether it is noise. */
export async function compareFiles(paths: readonly string[], json: boolean, io: Io): Promise<void> {
  const [first, second, ...more] = paths;
  if (first === undefined || second === undefined || more.length > 0) {
    throw usageError(
      `--compare is given ${paths.length} files; wanted two, the earlier one first`,
      'e.g. sluice bench --compare before.json after.json',
    );
  }
  const { comparisons, warnings } = compareReports(await load(first), await load(second));
  if (json) {
    io.out(`${JSON.stringify({ a: first, b: second, comparisons, warnings })}\n`);
    return;
  }
  const { heads, rows, right } = comparisonTable(comparisons);
  io.out(`A ${first}\nB ${second}\n\n${renderTable(heads, rows, right)}`);
  if (warnings.length > 0) io.out(`\n${warnings.map((line) => `Warning: ${line}\n`).join('')}`);
}

async function load(path: string): Promise<BenchReport> {
  try {
    return readReport(await readFile(path, 'utf8'));
  } catch (error) {
    throw usageError(`Cannot read the report ${path}: ${(error as Error).message}`);
  }
}
