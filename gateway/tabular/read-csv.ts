import { quote } from '../core/error.js';
import { cellFromText, isNumberText, isUnfit } from './cell.js';
import { type CsvRecord, readCsvRecords } from './csv.js';
import { listed, unfit } from './fault.js';
import { columnOrder } from './read-rows.js';
import { RowCollector, type RowValues } from './row-collector.js';
import type { Column, RowPlan } from './row-plan.js';
import type { Scalar } from './value.js';

/** Whether the first line of a CSV file has the names of its columns; `auto` looks at it. */
export type CsvHeader = 'present' | 'absent' | 'auto';

/**
 * Reads a CSV file as rows for a model. With a header its columns may stand in any order; without one they stand in the model's. `auto`
 * takes the first line for a header when one of its cells is the name of a column, or none is a number where numbers are wanted.
 * Throws INVALID_ARGUMENT that names line and column.
 */
export function readCsvRows(plan: RowPlan, text: string, header: CsvHeader = 'auto'): RowValues {
  const records = recordsOf(text);
  const [first] = records;
  if (first === undefined)
    throw unfit('the CSV text is empty: wanted rows, with or without a line of column names');
  const flat = flatColumns(plan, first.cells.length);
  const named = header === 'auto' ? looksLikeHeader(flat, first.cells) : header === 'present';
  const order = named ? orderOf(flat, first.cells, flat === plan) : flat.columns.map((_, index) => index);
  const width = named ? first.cells.length : flat.columns.length;
  const collector = new RowCollector(flat);
  for (const record of named ? records.slice(1) : records)
    collector.addCells(cellsOf(flat, record, order, width), `line ${record.line}`);
  return reshaped(collector.finish(), plan);
}

function recordsOf(text: string): CsvRecord[] {
  try {
    return readCsvRecords(text);
  } catch (error) {
    throw unfit(`the CSV text cannot be read: ${(error as Error).message}`);
  }
}

/** The plan with a column for each cell: the only input of a model, whatever its shape, is as many as a row of it has elements. */
function flatColumns(plan: RowPlan, given: number): RowPlan {
  const { columns, model } = plan;
  if (columns.every(({ shape }) => shape.length === 0)) return plan;
  const [only, ...others] = columns;
  const vague = only !== undefined && only.shape.length > 1 && only.shape.includes(-1);
  if (only === undefined || others.length > 0 || vague)
    throw unfit(
      `model '${model}' has inputs that are lists, ${listed(columns.filter(({ shape }) => shape.length > 0).map(({ name }) => name))}: CSV cannot say them, JSON can`,
    );
  const size = only.shape.reduce((product, dim) => product * (dim === -1 ? given : dim), 1);
  const cells = Array.from(
    { length: size },
    (_, index): Column => ({ ...only, name: `${only.name}[${index}]`, shape: [] }),
  );
  return { ...plan, columns: cells };
}

/** Values of the flat plan have the shape that the model wants. */
function reshaped(values: RowValues, plan: RowPlan): RowValues {
  const [only] = plan.columns;
  if (only === undefined || only.shape.length === 0) return values;
  const inputs = values.inputs.map((input) => {
    const each = input.values.length / values.rows;
    const row = only.shape.length === 1 ? [each] : only.shape;
    return { ...input, shape: plan.batched ? [values.rows, ...row] : row };
  });
  return { ...values, inputs };
}

function looksLikeHeader({ columns }: RowPlan, cells: readonly string[]): boolean {
  if (columns.some(({ name }) => cells.includes(name))) return true;
  const numeric = columns.some(({ datatype }) => datatype !== 'BYTES');
  return numeric && !cells.some((cell) => isNumberText(cell) || cell === '');
}

/** Names count where the model has names; the elements of an input without any stand in their order. */
function orderOf(plan: RowPlan, header: readonly string[], named: boolean): number[] {
  if (named) return columnOrder(plan, header);
  if (header.length !== plan.columns.length)
    throw unfit(
      `the header has ${header.length} columns, model '${plan.model}' wants ${plan.columns.length}`,
    );
  return plan.columns.map((_, index) => index);
}

function cellsOf(
  { columns, model }: RowPlan,
  { line, cells }: CsvRecord,
  order: readonly number[],
  width: number,
): Scalar[] {
  if (cells.length !== width)
    throw unfit(`line ${line} has ${cells.length} cells, wanted ${width} for model '${model}'`);
  const values = new Array<Scalar>(columns.length);
  for (let index = 0; index < columns.length; index++) {
    const { name, datatype } = columns[index] as Column;
    const text = cells[order[index] as number] as string;
    const cell = cellFromText(datatype, text);
    if (isUnfit(cell))
      throw unfit(`line ${line}, column '${name}': got ${quote(text, 40)}, wanted ${cell.wanted}`, name);
    values[index] = cell;
  }
  return values;
}
