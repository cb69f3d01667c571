import { elementCodec } from '../../client/datatype.js';
import type { JsonScalar, JsonTensor } from '../../client/json-safe.js';
import type { TensorColumns } from './columns.js';

/** One tensor of one row of the table, nested as its shape is. Throws Error with the column of what does not fit. */
export function tensorOfRow(
  tensor: TensorColumns,
  cells: readonly string[],
  header: readonly string[],
  role: 'input' | 'output',
): JsonTensor {
  const values = tensor.columns.map((index) => {
    const cell = cells[index] as string;
    const value = cellValue(cell, tensor.datatype, role);
    if (typeof value !== 'object') return value;
    throw new Error(
      `column '${header[index]}' holds '${cell}': ${value.problem} (${role} '${tensor.name}', ${tensor.datatype})`,
    );
  });
  let next = 0;
  const nest = (depth: number): JsonTensor =>
    depth === tensor.shape.length
      ? (values[next++] as JsonScalar)
      : Array.from({ length: tensor.shape[depth] as number }, () => nest(depth + 1));
  return nest(0);
}

const scratch = new DataView(new ArrayBuffer(8));

/** What a cell says, as JSON has it. An empty one is a missing feature, but never a score. */
function cellValue(
  cell: string,
  datatype: string,
  role: 'input' | 'output',
): JsonScalar | { problem: string } {
  if (cell === '' && role === 'output') return { problem: 'a score is wanted, NaN where it is none' };
  if (datatype === 'BYTES') return cell;
  const value = parse(cell, datatype);
  if (value === undefined) return { problem: `wanted ${wanted(datatype)}` };
  const problem = elementCodec(datatype)?.write(scratch, 0, value);
  return problem === undefined ? value : { problem };
}

const WORDS: Readonly<Record<string, string>> = {
  '': 'NaN',
  nan: 'NaN',
  inf: 'Infinity',
  infinity: 'Infinity',
  '-inf': '-Infinity',
  '-infinity': '-Infinity',
};

function parse(cell: string, datatype: string): JsonScalar | undefined {
  const word = cell.toLowerCase();
  if (datatype === 'BOOL') {
    if (word === 'true' || word === '1') return true;
    return word === 'false' || word === '0' ? false : undefined;
  }
  if (/^U?INT\d+$/.test(datatype)) {
    // A data frame with a gap in a column of integers writes 3 as 3.0.
    const digits = /^([+-]?\d{1,20})(?:\.0*)?$/.exec(cell)?.[1]?.replace('+', '');
    if (digits === undefined) return undefined;
    return Number.isSafeInteger(Number(digits)) ? Number(digits) : digits;
  }
  if (Object.hasOwn(WORDS, word)) return WORDS[word];
  const number = Number(cell);
  return Number.isFinite(number) ? number : undefined;
}

function wanted(datatype: string): string {
  if (datatype === 'BOOL') return 'true, false, 1 or 0';
  return /^U?INT/.test(datatype) ? 'an integer' : 'a number, NaN, inf or -inf';
}
