import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY_ROOT } from '../use-gateway.js';

/** docs/FAILURES.md: words that are kept in failures.md beside this file, with the table that `npm run test:faults` measured. */
export const FAILURES_PAGE = join(REPOSITORY_ROOT, 'docs/FAILURES.md');

const MARK = '<!-- faults -->\n';
const WORDS = join(REPOSITORY_ROOT, 'test/support/docs/failures.md');
const HEAD = '| scenario | what one of two workers does |';

/** The page with this table. */
export function failuresPage(table: string): string {
  const parts = readFileSync(WORDS, 'utf8').split(MARK);
  if (parts.length !== 2)
    throw new Error(`failures.md has ${parts.length - 1} places for the table, wanted 1`);
  return parts.join(table);
}

/** The table in a page: the figures of the last complete run. Throws when there is none. */
export function faultTable(page: string): string {
  const from = page.indexOf(HEAD);
  if (from < 0) throw new Error('docs/FAILURES.md has no table of faults: npm run test:faults -- --write');
  const end = page.indexOf('\n\n', from);
  return page.slice(from, end + 1);
}

/** First and last cell of each row: a scenario, and whether its bars were met. */
export function faultRows(table: string): { readonly name: string; readonly met: string }[] {
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((row) => {
      const cells = row.split('|').map((cell) => cell.trim());
      return { name: cells[1] as string, met: cells.at(-2) as string };
    });
}
