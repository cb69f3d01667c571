/** A table of numbers, as spreadsheets and data frames write it. */
export interface NumberTable {
  readonly columns: readonly string[];
  /** Each as long as `columns`. */
  readonly rows: readonly (readonly number[])[];
}

/**
 * Reads comma-separated numbers with a header line (RFC 4180; a quoted cell may hold commas, not line breaks).
 * Throws Error with line and column of what is not a number.
 */
export function readCsv(text: string): NumberTable {
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '');
  const [head, ...body] = lines;
  if (head === undefined) throw new Error('it is empty; wanted a line of column names, then rows of numbers');
  const columns = cells(head.line);
  if (columns.every((cell) => cell !== '' && Number.isFinite(Number(cell)))) {
    throw new Error('its first line holds numbers only; wanted column names there');
  }
  if (body.length === 0) throw new Error('it has column names but no rows');
  const rows = body.map(({ line, number }) => {
    const row = cells(line);
    if (row.length !== columns.length) {
      throw new Error(`line ${number} has ${row.length} cells; the header has ${columns.length}`);
    }
    return row.map((cell, column) => {
      const value = cell === '' ? Number.NaN : Number(cell);
      if (Number.isNaN(value) && cell.toLowerCase() !== 'nan') {
        throw new Error(
          `line ${number}, column ${JSON.stringify(columns[column])} holds ${JSON.stringify(cell)}; wanted a number`,
        );
      }
      return value;
    });
  });
  return { columns, rows };
}

function cells(line: string): string[] {
  const found = line.match(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g) ?? [];
  // The pattern also matches the empty text after the last cell.
  const parts = found.slice(0, line.endsWith(',') ? undefined : -1);
  return parts.map((part) => {
    const cell = part.replace(/,$/, '').trim();
    return cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;
  });
}
