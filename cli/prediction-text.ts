import type { JsonScalar, JsonTensor, OutputTensor, Prediction } from '../client/client.js';
import { renderTable } from './table.js';

/** More values than this in one row of an output are cut, since no line of a terminal holds them. */
const MAX_VALUES = 12;
/** More rows than this are not printed: who wants them all wants `--json`. */
const MAX_ROWS = 200;
/** Characters of one text; what is longer would push the other columns out of sight. */
const MAX_TEXT = 60;

/**
 * A prediction for people: one line per row with a column per output when all outputs have the same number of rows,
 * else output after output. Floats are rounded for reading, and what is long is cut with a note; `--json` has all in
 * full. Ends with a newline.
 */
export function predictionText({ model, version, outputs }: Prediction): string {
  const named = Object.entries(outputs);
  const rows = commonRows(named.map(([, output]) => output));
  const size = rows === undefined ? '' : `, ${rows} ${rows === 1 ? 'row' : 'rows'}`;
  const head = `${model} version ${version}${size}\n`;
  if (rows === undefined) return head + named.map(([name, output]) => block(name, output)).join('');
  const columns = named.map(([, output]) => cells(output, output.data as JsonTensor[]));
  const table = Array.from({ length: Math.min(rows, MAX_ROWS) }, (_, row) => [
    String(row),
    ...columns.map((column) => column[row] ?? ''),
  ]);
  const right = new Set([0, ...named.flatMap(([, output], index) => (isNumeric(output) ? [index + 1] : []))]);
  const text = renderTable(['row', ...named.map(([name]) => name)], table, right);
  return `${head}\n${text}${moreRows(rows)}`;
}

/** Rows that all outputs have; undefined when they differ, or one is a scalar. */
function commonRows(outputs: readonly OutputTensor[]): number | undefined {
  const rows = outputs[0]?.shape[0];
  return outputs.every((output) => output.shape[0] === rows) ? rows : undefined;
}

/** An output that has no rows in common with the others. */
function block(name: string, output: OutputTensor): string {
  const head = `\n${name}  ${output.datatype} [${output.shape.join(', ')}]\n`;
  const list = Array.isArray(output.data) ? output.data : [output.data];
  const lines = cells(output, list).map((line) => `  ${line}\n`);
  return head + lines.join('') + moreRows(list.length);
}

/** The note under a list that was cut. */
function moreRows(rows: number): string {
  return rows > MAX_ROWS ? `… and ${rows - MAX_ROWS} more rows: --json has them all\n` : '';
}

/** A text for each of the first rows. The values of a row are aligned under those of the row before. */
function cells(output: OutputTensor, rows: readonly JsonTensor[]): string[] {
  const values = rows.slice(0, MAX_ROWS).map((row) => flatten(row, MAX_VALUES + 1));
  const format = formatOf(values.flat());
  const texts = values.map((row) => row.slice(0, MAX_VALUES).map(format));
  const width = texts.flat().reduce((most, text) => Math.max(most, text.length), 0);
  const perRow = output.shape.slice(1).reduce((count, dim) => count * dim, 1);
  return texts.map((row, index) => {
    const aligned =
      row.length > 1
        ? row.map((text) => (isNumeric(output) ? text.padStart(width) : text.padEnd(width)))
        : row;
    const cut = (values[index] as JsonScalar[]).length > MAX_VALUES ? ` … (${perRow} values)` : '';
    return `${aligned.join(' ')}${cut}`;
  });
}

/** The first `limit` values of nested lists. */
function flatten(value: JsonTensor, limit: number): JsonScalar[] {
  if (!Array.isArray(value)) return [value];
  const flat: JsonScalar[] = [];
  for (const item of value) {
    if (flat.length >= limit) break;
    flat.push(...flatten(item, limit - flat.length));
  }
  return flat;
}

/** Four decimals for what looks like probabilities or scores, six significant digits for other fractions. */
function formatOf(values: readonly JsonScalar[]): (value: JsonScalar) => string {
  const numbers = values.filter((value) => typeof value === 'number');
  const largest = numbers.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const whole = numbers.every(Number.isInteger);
  if (whole && largest > 1) return textOf;
  // Where all are tiny, four decimals would show nothing but zeros.
  if (!whole && largest <= 1 && largest >= 0.001)
    return (value) => (typeof value === 'number' ? value.toFixed(4) : textOf(value));
  return (value) => (typeof value === 'number' ? String(Number(value.toPrecision(6))) : textOf(value));
}

function textOf(value: JsonScalar): string {
  const text = String(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
}

function isNumeric(output: OutputTensor): boolean {
  return output.datatype !== 'BYTES';
}
