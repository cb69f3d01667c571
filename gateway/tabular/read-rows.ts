import { base64Of } from './cell.js';
import { advice, inWords, listed, unfit } from './fault.js';
import { RowCollector, type RowValues } from './row-collector.js';
import { type Column, planRows, type RowPlan } from './row-plan.js';
import { isList, isRecord, type Value } from './value.js';

/** Deeper than the lists of any tensor. */
const MAX_DEPTH = 64;

/**
 * Reads what people call rows: one row or a list of rows, each a list of values in the order of the model's columns, or a record with a
 * value for each of them by name; or all columns by name, each with a list of its values. Throws INVALID_ARGUMENT that names the row, the
 * column, what was given and what is wanted, and for a name that is not known the nearest one.
 */
export function readRows(given: RowPlan, value: Value): RowValues {
  const plan = planOf(given, value);
  if (isRecord(value) && base64Of(value) === undefined) {
    if (isColumnForm(plan, value)) return readColumns(plan, value);
    return readList(plan, [value]);
  }
  return readList(plan, isOneRow(plan, value) ? [value] : (value as readonly Value[]));
}

/** The plan without names of features, where the inputs themselves are named. */
function planOf(plan: RowPlan, value: Value): RowPlan {
  const { model, inputs, columns, composed } = plan;
  const record = isList(value) ? (value[0] ?? null) : value;
  if (composed.size === 0 || !isRecord(record)) return plan;
  const byInput = record.size === inputs.length && inputs.every(({ name }) => record.has(name));
  return byInput && !columns.some(({ name }) => composed.has(name)) ? planRows(model, inputs) : plan;
}

/** Reads a list of rows, whatever their form. */
function readList(plan: RowPlan, rows: readonly Value[]): RowValues {
  const collector = new RowCollector(plan);
  for (const [index, row] of rows.entries()) {
    const place = `row ${index}`;
    collector.add(isRecordRow(plan, row) ? fromRecord(plan, row, place) : fromList(plan, row, place), place);
  }
  return collector.finish();
}

/**
 * Reads a table: its column names, and rows of values in their order; as data frames are split into both. Names that the model does
 * not have are refused, in whatever order they come.
 */
export function readTable(plan: RowPlan, names: readonly string[], rows: readonly Value[]): RowValues {
  const order = columnOrder(plan, names);
  const collector = new RowCollector(plan);
  for (const [index, row] of rows.entries()) {
    const place = `row ${index}`;
    if (!isList(row) || row.length !== names.length)
      throw unfit(
        `${place}: got ${inWords(row)}, wanted a list of ${names.length} values, one for each column`,
      );
    collector.add(
      order.map((at) => row[at] as Value),
      place,
    );
  }
  return collector.finish();
}

/** For each column of the model, where it stands among these names. */
export function columnOrder(plan: RowPlan, names: readonly string[]): number[] {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw unfit(`column ${listed([twice])} is there twice`);
  if (names.includes('') && !plan.columns.some(({ name }) => name === ''))
    throw unfit(
      `column ${names.indexOf('') + 1} has no name: a data frame writes its index like that, index=False leaves it out`,
    );
  checkNames(plan, names, '');
  return plan.columns.map(({ name }) => names.indexOf(name));
}

/** Whether this is one row, and not a list of them. */
function isOneRow({ columns }: RowPlan, value: Value): boolean {
  if (!isList(value)) return true;
  const [first] = columns;
  const [head] = value;
  if (first === undefined || head === undefined) return false;
  if (isRecord(head) && base64Of(head) === undefined) return false;
  const depth = depthOf(value);
  const ofRow = columns.length === 1 ? first.shape.length : first.shape.length + 1;
  return depth <= ofRow;
}

/** Whether a row gives its values by name. A text in base64 does not, unless a column has that name. */
function isRecordRow({ columns }: RowPlan, row: Value): row is ReadonlyMap<string, Value> {
  if (!isRecord(row)) return false;
  return base64Of(row) === undefined || columns.some(({ name }) => name === 'b64');
}

function fromRecord(plan: RowPlan, record: ReadonlyMap<string, Value>, place: string): Value[] {
  checkNames(plan, [...record.keys()], `${place}: `);
  return plan.columns.map(({ name }) => record.get(name) as Value);
}

/** Every column is there, and nothing else is. */
function checkNames({ model, columns }: RowPlan, given: readonly string[], place: string): void {
  const wanted = columns.map(({ name }) => name);
  const known = new Set(wanted);
  const there = new Set(given);
  const unknown = given.find((name) => !known.has(name));
  const missing = wanted.filter((name) => !there.has(name));
  if (unknown !== undefined)
    throw unfit(
      `${place}model '${model}' has no column ${listed([unknown])}${advice(unknown, missing.length > 0 ? missing : wanted, 'its columns are')}`,
      unknown.slice(0, 100),
    );
  if (missing.length > 0)
    throw unfit(
      `${place}${missing.length === 1 ? 'column' : 'columns'} ${listed(missing)} ${missing.length === 1 ? 'is' : 'are'} missing`,
      missing[0],
    );
}

function fromList(plan: RowPlan, row: Value, place: string): readonly Value[] {
  const { columns, model } = plan;
  if (columns.length === 1) return [row];
  if (isList(row) && row.length === columns.length) return row;
  const names = listed(columns.map(({ name }) => name));
  throw unfit(
    `${place}: got ${inWords(row)}, wanted a list of ${columns.length} values for model '${model}': ${names}`,
  );
}

/** Whether each column has a list of its values: then all rows are there at once. */
function isColumnForm({ columns, batched }: RowPlan, value: ReadonlyMap<string, Value>): boolean {
  if (!batched) return false;
  const byName = new Map(columns.map((column) => [column.name, column]));
  const known = [...value].filter(([name]) => byName.has(name));
  return (
    known.length > 0 &&
    known.every(
      ([name, values]) => isList(values) && depthOf(values) > (byName.get(name) as Column).shape.length,
    )
  );
}

/** Reads columns by name, each with one value for every row. */
function readColumns(plan: RowPlan, value: ReadonlyMap<string, Value>): RowValues {
  checkNames(plan, [...value.keys()], '');
  const lists = plan.columns.map(({ name }) => {
    const list = value.get(name) as Value;
    if (isList(list)) return list;
    throw unfit(`column '${name}': got ${inWords(list)}, wanted a list of its values`, name);
  });
  const [first] = lists;
  const rows = first?.length ?? 0;
  const uneven = lists.findIndex((list) => list.length !== rows);
  if (uneven >= 0)
    throw unfit(
      `column '${plan.columns[uneven]?.name}' has ${lists[uneven]?.length} values, '${plan.columns[0]?.name}' has ${rows}`,
      plan.columns[uneven]?.name,
    );
  const collector = new RowCollector(plan);
  for (let row = 0; row < rows; row++)
    collector.add(
      lists.map((list) => list[row] as Value),
      `row ${row}`,
    );
  return collector.finish();
}

/** Levels of lists, along the first element of each. */
function depthOf(value: Value): number {
  let depth = 0;
  for (let at: Value | undefined = value; at !== undefined && isList(at) && depth < MAX_DEPTH; at = at[0])
    depth++;
  return depth;
}
