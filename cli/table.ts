import { printable } from './io.js';

/**
 * A table for people: two spaces between columns, each as wide as its widest cell; `right` names the columns whose
 * cells end together. Ends with a newline.
 */
export function renderTable(
  headers: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string {
  const lines = [headers, ...rows].map((row) =>
    row.map((cell) => printable(cell).replaceAll(/[\n\t]/g, ' ')),
  );
  const widths = headers.map((_, column) => Math.max(...lines.map((row) => (row[column] ?? '').length)));
  const render = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        right.has(column) ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number),
      )
      .join('  ')
      .trimEnd();
  return `${lines.map(render).join('\n')}\n`;
}
