import { extname } from 'node:path';
import type { ModelMetadata, PredictInputs, TensorInput } from '../client/client.js';
import { usageError } from './exit-code.js';
import type { Io } from './io.js';

/** Where the values come from: exactly one of these is given. */
export interface InputSource {
  /** JSON on the command line. */
  readonly input?: string | undefined;
  /** Path of a file of JSON, or of CSV by its ending; `-` is standard input. */
  readonly inputFile?: string | undefined;
  /** Whether it is CSV, whatever the file is called. @default false */
  readonly csv?: boolean | undefined;
}

/** The values as given: for named inputs, for the only one of a model that has one, or as a table; with the text they were read from. */
export type GivenInput =
  | { readonly kind: 'named'; readonly inputs: PredictInputs; readonly text: string }
  | { readonly kind: 'single'; readonly value: TensorInput; readonly text: string }
  | { readonly kind: 'csv'; readonly text: string };

const EXAMPLE = `e.g. --input '[[5.1, 3.5]]', or for named inputs --input '{"X": [[5.1, 3.5]]}'`;

/** Reads and parses the values. Rejects with a usage error that says where they came from. */
export async function readInput(source: InputSource, io: Pick<Io, 'readText'>): Promise<GivenInput> {
  const { input, inputFile } = source;
  if ((input === undefined) === (inputFile === undefined)) {
    throw usageError(
      input === undefined
        ? 'No values are given: pass them by --input <json> or by --input-file <path>'
        : 'Values are given twice: pass them by --input or by --input-file, not by both',
      EXAMPLE,
    );
  }
  if (input !== undefined)
    return source.csv === true ? { kind: 'csv', text: input } : classify(input, '--input');
  const path = inputFile as string;
  const where = path === '-' ? 'standard input' : path;
  let text: string;
  try {
    text = await io.readText(path);
  } catch (error) {
    throw usageError(`Cannot read ${where}: ${(error as Error).message}`);
  }
  return source.csv === true || isCsvPath(path) ? { kind: 'csv', text } : classify(text, where);
}

/** Names a value that was given without a name, by the model's only input. */
export function nameInput(given: GivenInput, model: ModelMetadata): PredictInputs {
  if (given.kind === 'named') return given.inputs;
  const [only, ...others] = model.inputs;
  if (given.kind === 'single' && only !== undefined && others.length === 0)
    return { [only.name]: given.value };
  const names = model.inputs.map(
    ({ name, datatype, shape }) => `"${name}" (${datatype} [${shape.join(', ')}])`,
  );
  const wanted = `{${model.inputs.map(({ name }) => `"${name}": …`).join(', ')}}`;
  throw usageError(
    `Model '${model.name}' has ${model.inputs.length} inputs, ${names.join(' and ')}: give each by name, as ${wanted}`,
  );
}

/** Whether a file of that name holds CSV. */
function isCsvPath(path: string): boolean {
  return extname(path).toLowerCase() === '.csv';
}

function parse(text: string, where: string): unknown {
  try {
    // A byte order mark is what some editors leave in a file.
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw usageError(`${where} is not JSON: ${(error as Error).message}`, EXAMPLE);
  }
}

/** An object names inputs, unless it is one tensor written as {shape, data}. */
function classify(text: string, where: string): GivenInput {
  const value = parse(text, where);
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && !isTensor(value)) {
    return { kind: 'named', inputs: value as PredictInputs, text };
  }
  return { kind: 'single', value: value as TensorInput, text };
}

function isTensor(value: object): boolean {
  const { shape, data, ...rest } = value as { shape?: unknown; data?: unknown; datatype?: unknown };
  const numbers = Array.isArray(shape) && shape.every((dim) => typeof dim === 'number');
  return numbers && Array.isArray(data) && Object.keys(rest).every((key) => key === 'datatype');
}
