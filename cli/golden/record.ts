import { readTextTable, type TextTable } from '../../bench/inputs/csv.js';
import type { JsonTensor, SluiceClient } from '../../client/client.js';
import { MAX_GOLDEN_BYTES, MAX_GOLDEN_LINE_CHARS } from '../../gateway/core/golden.js';
import { usageError } from '../exit-code.js';
import type { Io } from '../io.js';
import { signatureOf } from '../known-model.js';
import { askRows } from './answers.js';
import { tensorOfRow } from './cells.js';
import { type ColumnFlags, planColumns, type TensorColumns } from './columns.js';

/** What `sluice golden record` was told, but for where the result goes. */
export interface RecordRequest extends ColumnFlags {
  readonly model: string;
  readonly version?: string | undefined;
  /** Path; `-` is standard input. */
  readonly csv: string;
  readonly tolerance?: { readonly absolute: number; readonly relative: number } | undefined;
  /** Rows at most. */
  readonly rows: number;
}

/** What was recorded, for people and scripts. */
export interface RecordSummary {
  readonly model: string;
  /** The version that was asked; absent where scores are the table's own and none was named. */
  readonly version?: string;
  readonly rows: number;
  /** Rows that the table has. */
  readonly of: number;
  /** Whether the expected answers are the table's or the server's. */
  readonly expected: 'csv' | 'server';
  /** Columns of each tensor, by name. */
  readonly inputs: Readonly<Record<string, readonly string[]>>;
  /** The same; outputs that the server answered have none. */
  readonly outputs: Readonly<Record<string, readonly string[]>>;
}

type Tensors = Readonly<Record<string, JsonTensor>>;

/** Makes golden answers of a table. Rejects with usage errors for what is wrong in it, and as calls do. */
export async function recordGolden(
  client: SluiceClient,
  request: RecordRequest,
  io: Pick<Io, 'readText'>,
): Promise<{ text: string; summary: RecordSummary }> {
  const where = request.csv === '-' ? 'standard input' : request.csv;
  const table = await readTable(request.csv, where, io);
  const metadata = await signatureOf(client, { name: request.model, version: request.version });
  const plan = planColumns({ columns: table.columns, where }, metadata, request);
  const chosen = spread(table.rows, request.rows);
  const tensors = (specs: readonly TensorColumns[], role: 'input' | 'output'): Tensors[] =>
    chosen.map(({ line, cells }) => {
      const value = (spec: TensorColumns): JsonTensor => {
        try {
          return tensorOfRow(spec, cells, table.columns, role);
        } catch (error) {
          throw usageError(`${where}, line ${line}, ${(error as Error).message}`);
        }
      };
      return Object.fromEntries(specs.map((spec) => [spec.name, value(spec)]));
    });
  const inputs = tensors(plan.inputs, 'input');
  const given = plan.outputs.length > 0;
  const asked = chosen.map(({ line }, i) => ({ line, inputs: inputs[i] as Tensors }));
  const recorded = given ? undefined : await askRows(client, request.model, request.version, asked);
  const outputs = recorded?.outputs ?? tensors(plan.outputs, 'output');
  const version = recorded?.version ?? request.version;
  const names = (specs: readonly TensorColumns[]) =>
    Object.fromEntries(
      specs.map(({ name, columns }) => [name, columns.map((index) => table.columns[index] as string)]),
    );
  const file = where.replace(/^.*\//, '');
  const source = given ? `scores of ${file}` : `answers of ${request.model} version ${version}`;
  return {
    text: goldenText(source, request.tolerance, asked, outputs, file),
    summary: {
      model: request.model,
      ...(version !== undefined && { version }),
      rows: chosen.length,
      of: table.rows.length,
      expected: given ? 'csv' : 'server',
      inputs: names(plan.inputs),
      outputs: given
        ? names(plan.outputs)
        : Object.fromEntries(Object.keys(outputs[0] ?? {}).map((name) => [name, []])),
    },
  };
}

async function readTable(path: string, where: string, io: Pick<Io, 'readText'>): Promise<TextTable> {
  let text: string;
  try {
    text = await io.readText(path);
  } catch (error) {
    throw usageError(`Cannot read ${where}: ${(error as Error).message}`);
  }
  if (text.includes('\uFFFD')) throw usageError(`${where} is not UTF-8`);
  try {
    return readTextTable(text);
  } catch (error) {
    throw usageError(`${where}: ${(error as Error).message}`);
  }
}

/** At most so many, from the whole of the table: rows often lie sorted by class. */
function spread<T>(all: readonly T[], most: number): readonly T[] {
  const count = Math.min(all.length, most);
  return Array.from({ length: count }, (_, i) => all[Math.floor((i * all.length) / count)] as T);
}

function goldenText(
  source: string,
  tolerance: RecordRequest['tolerance'],
  rows: readonly { readonly line: number; readonly inputs: Tensors }[],
  outputs: readonly Tensors[],
  file: string,
): string {
  const header = { ...(tolerance && { tolerance }), note: source };
  const lines = rows.map(({ line, inputs }, i) => {
    const text = JSON.stringify({ inputs, outputs: outputs[i], note: `${file} line ${line}` });
    if (text.length > MAX_GOLDEN_LINE_CHARS)
      throw usageError(
        `Line ${line} makes ${text.length} characters, a server reads ${MAX_GOLDEN_LINE_CHARS} of a row`,
      );
    return text;
  });
  const text = [JSON.stringify(header), ...lines, ''].join('\n');
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_GOLDEN_BYTES)
    throw usageError(
      `${rows.length} rows make ${bytes} bytes, a server reads ${MAX_GOLDEN_BYTES}: take fewer by --rows`,
    );
  return text;
}
