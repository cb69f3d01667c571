/** Figures that belong together, one row a measurement: for a terminal, for a page, and as they are for `--json`. */

export type Cell = number | string;

export interface Column {
  /** Names the cell in a row. */
  readonly key: string;
  /** Its heading. */
  readonly title: string;
  /** How people read it. */
  readonly show: (cell: Cell) => string;
}

export interface Table {
  /** The case it comes from. */
  readonly from: string;
  readonly title: string;
  readonly columns: readonly Column[];
  /** May hold more than the columns show. A cell that is absent is empty. */
  readonly rows: readonly Readonly<Record<string, Cell | undefined>>[];
}

/** A column of numbers with so many digits behind the point. */
export function numbers(key: string, title: string, digits: number, unit = ''): Column {
  const show = (cell: Cell): string =>
    typeof cell === 'number' && Number.isFinite(cell) ? `${cell.toFixed(digits)}${unit}` : '-';
  return { key, title, show };
}

/** A column of shares, in percent. */
export function shares(key: string, title: string): Column {
  const { show } = numbers(key, title, 1, '%');
  return { key, title, show: (cell) => show(typeof cell === 'number' ? cell * 100 : cell) };
}

/** A column of words. */
export function words(key: string, title: string): Column {
  return { key, title, show: String };
}

function cells({ columns, rows }: Table): string[][] {
  return rows.map((row) =>
    columns.map(({ key, show }) => (row[key] === undefined ? '' : show(row[key] as Cell))),
  );
}

/** Aligned columns under a title. */
export function textTable(table: Table): string {
  const lines = [table.columns.map(({ title }) => title), ...cells(table)];
  const widths = table.columns.map((_, i) => Math.max(...lines.map((line) => (line[i] as string).length)));
  const text = lines.map((line) => line.map((cell, i) => cell.padStart(widths[i] as number)).join('  '));
  return `${table.title}\n${text.map((line) => line.trimEnd()).join('\n')}\n`;
}

/** A heading and a table in Markdown. */
export function markdownTable(table: Table): string {
  const row = (line: readonly string[]): string => `| ${line.join(' | ')} |`;
  return [
    `### ${table.title}\n`,
    row(table.columns.map(({ title }) => title)),
    row(table.columns.map(() => '---:')),
    ...cells(table).map(row),
    '',
  ].join('\n');
}
