/** A table of numbers, as spreadsheets and data frames write it. */
export interface NumberTable {
  readonly columns: readonly string[];
  /** Each as long as `columns`. */
  readonly rows: readonly (readonly number[])[];
}

/** A table of whatever cells hold. */
export interface TextTable {
  readonly columns: readonly string[];
  /** Cells as many as `columns`; lines are counted from 1. */
  readonly rows: readonly { readonly line: number; readonly cells: readonly string[] }[];
}

/**
 * Reads comma-separated cells with a header line (RFC 4180; a quoted cell may hold commas, not line breaks).
 * Throws Error with the line where it is none.
 */
export function readTextTable(text: string): TextTable {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ text: line, line: index + 1 }))
    .filter((line) => line.text.trim() !== '');
  const [head, ...body] = lines;
  if (head === undefined) throw new Error('it is empty; wanted a line of column names, then rows of numbers');
  const columns = readCells(head.text, head.line);
  if (columns.every((cell) => cell !== '' && Number.isFinite(Number(cell)))) {
    throw new Error('its first line holds numbers only; wanted column names there');
  }
  if (body.length === 0) throw new Error('it has column names but no rows');
  const rows = body.map(({ text: row, line }) => {
    const cells = readCells(row, line);
    if (cells.length !== columns.length) {
      throw new Error(`line ${line} has ${cells.length} cells; the header has ${columns.length}`);
    }
    return { line, cells };
  });
  return { columns, rows };
}

/** Reads a table of numbers. Throws Error with line and column of what is not a number. */
export function readCsv(text: string): NumberTable {
  const { columns, rows } = readTextTable(text);
  const numbers = rows.map(({ line, cells }) =>
    cells.map((cell, column) => {
      const value = cell === '' ? Number.NaN : Number(cell);
      if (Number.isNaN(value) && cell.toLowerCase() !== 'nan') {
        throw new Error(
          `line ${line}, column ${JSON.stringify(columns[column])} holds ${JSON.stringify(cell)}; wanted a number`,
        );
      }
      return value;
    }),
  );
  return { columns, rows: numbers };
}

/** The cells of one line. Throws Error for a quoted cell that does not end where its quotes do. */
export function readCells(text: string, line: number): string[] {
  const found = text.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  // The pattern also matches the empty text after the last cell.
  const parts = found.slice(0, text.endsWith(',') ? undefined : -1);
  return parts.map((part) => {
    const cell = part.replace(/,$/, '').trim();
    if (!cell.startsWith('"')) return cell;
    if (!/^"(?:[^"]|"")*"$/.test(cell))
      throw new Error(`line ${line} has a cell whose quotes do not end with it: ${cell.slice(0, 40)}`);
    return cell.slice(1, -1).replaceAll('""', '"');
  });
}
