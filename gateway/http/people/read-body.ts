import { advice, inWords, listed, unfit } from '../../tabular/fault.js';
import { readCsvRows } from '../../tabular/read-csv.js';
import { readRows, readTable } from '../../tabular/read-rows.js';
import type { RowValues } from '../../tabular/row-collector.js';
import type { RowPlan } from '../../tabular/row-plan.js';
import { isList, isRecord, type Value } from '../../tabular/value.js';
import { JsonReader } from '../json/reader.js';
import { readValue } from '../json/value.js';

/** What a body is: told by its media type, or where that says nothing, by what is wanted. */
export type BodyForm = 'json' | 'csv';

/** A reader of a body for a model: throws INVALID_ARGUMENT that says where what is wrong. */
export type ReadBody = (plan: RowPlan, form: BodyForm, body: Buffer) => RowValues;

/** What people put around their rows; only where the model has no column of that name. */
const WRAPPERS = ['instances', 'inputs', 'rows', 'data', 'features', 'dataframe_records', 'dataframe_split'];

/**
 * The body of `/predict`: a row, a list of rows, records, columns by name, CSV with a header or without, and any of them under one of
 * the names that hand-made services and MLflow have for it (`{"instances": …}`).
 */
export const readPredictBody: ReadBody = (plan, form, body) => {
  if (form === 'csv') return readCsvRows(plan, csvText(body));
  const value = jsonValue(body);
  const wrapped = isRecord(value) && value.size === 1 ? [...value][0] : undefined;
  const known = wrapped !== undefined && WRAPPERS.includes(wrapped[0]);
  if (!known || hasName(plan, wrapped[0])) return readRows(plan, value);
  return wrapped[0] === 'dataframe_split' ? readSplit(plan, wrapped[1]) : readRows(plan, wrapped[1]);
};

/** By its name, what each form of MLflow's scoring protocol has in it. */
const FORMS: Readonly<Record<string, (plan: RowPlan, value: Value) => RowValues>> = {
  dataframe_split: readSplit,
  dataframe_records: readRows,
  instances: readRows,
  inputs: readRows,
};

/**
 * The body of `/invocations`: MLflow's scoring protocol 2.0 (one of `dataframe_split`, `dataframe_records`, `instances`, `inputs`; a
 * `params` beside it is refused unless it is empty, for models here have none), or CSV, which SageMaker's clients send without a header.
 */
export const readInvocation: ReadBody = (plan, form, body) => {
  if (form === 'csv') return readCsvRows(plan, csvText(body));
  const value = jsonValue(body);
  // What SageMaker's own JSON serializer sends: the rows themselves.
  if (!isRecord(value)) return readRows(plan, value);
  const names = [...value.keys()].filter((name) => name !== 'params');
  const params = value.get('params');
  if (params !== undefined && params !== null && !(isRecord(params) && params.size === 0))
    throw unfit(`'params' has ${inWords(params)}: models of this server take no parameters`, 'params');
  const [name = '', ...more] = names;
  const wanted = Object.keys(FORMS);
  const read = Object.hasOwn(FORMS, name) ? FORMS[name] : undefined;
  if (read === undefined)
    throw unfit(
      name === ''
        ? `the body is empty: wanted an object with one of ${listed(wanted)}`
        : `the body has no form ${listed([name])}${advice(name, wanted, 'those that are known are')}`,
      name,
    );
  if (more.length > 0) throw unfit(`the body has ${listed(names)}: wanted one of them`, more[0]);
  return read(plan, value.get(name) as Value);
};

/** A data frame as `to_dict(orient='split')` writes it: its index, if there, says nothing. */
function readSplit(plan: RowPlan, value: Value): RowValues {
  const columns = isRecord(value) ? value.get('columns') : undefined;
  const rows = isRecord(value) ? value.get('data') : undefined;
  if (rows === undefined || !isList(rows))
    throw unfit(
      '\'dataframe_split\' has no list \'data\': wanted {"columns": […], "data": [[…], …]}',
      'data',
    );
  // A frame that was made without names has their numbers, or none.
  if (columns === undefined || columns === null) return readRows(plan, rows);
  if (!isList(columns)) throw unfit(`'columns' is ${inWords(columns)}, wanted a list of names`, 'columns');
  const numbered = columns.every((column, index) => column === index);
  if (numbered && !columns.every((_, index) => hasName(plan, String(index)))) return readRows(plan, rows);
  const odd = columns.find((column) => typeof column !== 'string' && typeof column !== 'number');
  if (odd !== undefined) throw unfit(`'columns' has ${inWords(odd)}, wanted names`, 'columns');
  return readTable(plan, columns.map(String), rows);
}

function hasName({ columns, inputs }: RowPlan, name: string): boolean {
  return columns.some((column) => column.name === name) || inputs.some((input) => input.name === name);
}

function jsonValue(body: Buffer): Value {
  const reader = new JsonReader(body);
  const value = readValue(reader);
  reader.end();
  return value;
}

function csvText(body: Buffer): string {
  const text = body.toString('utf8');
  if (text.includes('\ufffd') && !Buffer.from(text).equals(body))
    throw unfit('the CSV text is not valid UTF-8');
  return text;
}
