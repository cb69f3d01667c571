import { type CsvRecord, readCsvRecords } from '../../gateway/tabular/csv.js';

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
  readonly rows: readonly CsvRecord[];
}

/** Reads comma-separated cells with a header line (RFC 4180). Throws Error with the line where it is none. */
export function readTextTable(text: string): TextTable {
  const [head, ...rows] = readCsvRecords(text);
  if (head === undefined) throw new Error('it is empty; wanted a line of column names, then rows of numbers');
  const columns = head.cells;
  if (columns.every((cell) => cell !== '' && Number.isFinite(Number(cell)))) {
    throw new Error('its first line holds numbers only; wanted column names there');
  }
  if (rows.length === 0) throw new Error('it has column names but no rows');
  for (const { line, cells } of rows) {
    if (cells.length !== columns.length) {
      throw new Error(`line ${line} has ${cells.length} cells; the header has ${columns.length}`);
    }
  }
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

/** The cells of one line. Throws Error for a quoted cell that does not end where its quotes do, and for more lines. */
export function readCells(text: string): readonly string[] {
  const [first, ...others] = readCsvRecords(text);
  if (others.length > 0) throw new Error('it has more than one line');
  return first?.cells ?? [''];
}
