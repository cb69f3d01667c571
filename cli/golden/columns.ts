import { readCells } from '../../bench/inputs/csv.js';
import type { ModelMetadata, TensorMetadata } from '../../client/client.js';
import { nearest } from '../../gateway/core/nearest.js';
import { usageError } from '../exit-code.js';

/** Where one tensor of a row is found in the table. */
export interface TensorColumns {
  readonly name: string;
  readonly datatype: string;
  /** Of one row's tensor, the batch dimension with it. */
  readonly shape: readonly number[];
  /** Indices of columns, in row-major order. */
  readonly columns: readonly number[];
}

/** How a table's rows become golden lines. */
export interface ColumnPlan {
  readonly inputs: readonly TensorColumns[];
  /** None: the server is to say what is expected. */
  readonly outputs: readonly TensorColumns[];
}

/** What the command line says of columns. */
export interface ColumnFlags {
  /** `name=column,column`, or columns alone for an only one. */
  readonly input: readonly string[];
  readonly output: readonly string[];
  /** Lists of columns that are for nobody. */
  readonly ignore: readonly string[];
}

type Role = 'input' | 'output';

/** The table's header, and the words for its file. */
interface Header {
  readonly columns: readonly string[];
  readonly where: string;
}

/**
 * Finds the columns of every tensor. Where no flag names an input's columns: the only input has all that are left, one of several
 * the column of its name. Throws a usage error that names the flag, and the nearest name where one is mistyped.
 */
export function planColumns(header: Header, model: ModelMetadata, flags: ColumnFlags): ColumnPlan {
  checkHeader(header);
  const read = (role: Role, given: readonly string[]): Map<TensorMetadata, readonly number[]> => {
    const found = new Map<TensorMetadata, readonly number[]>();
    for (const text of given) {
      const [spec, names] = splitFlag(text, role, model);
      if (found.has(spec)) throw usageError(`--${role} is given twice for '${spec.name}'`);
      found.set(spec, indicesOf(names, header, `--${role}`));
    }
    return found;
  };
  const outputs = read('output', flags.output);
  const inputs = read('input', flags.input);
  const ignored = flags.ignore.flatMap((text) => indicesOf(text, header, '--ignore'));
  const taken = new Set([...outputs.values(), ...inputs.values(), ignored].flat());
  const left = header.columns.flatMap((_, index) => (taken.has(index) ? [] : [index]));
  const planned = model.inputs.map((spec) => {
    const columns = inputs.get(spec) ?? defaultColumns(spec, left, header, model);
    return tensorColumns(spec, columns, 'input', header, inputs.has(spec));
  });
  return {
    inputs: planned,
    outputs: [...outputs].map(([spec, columns]) => tensorColumns(spec, columns, 'output', header, true)),
  };
}

function checkHeader({ columns, where }: Header): void {
  const unnamed = columns.indexOf('');
  if (unnamed >= 0)
    throw usageError(
      `Column ${unnamed + 1} of ${where} has no name`,
      'A data frame writes its index like that: df.to_csv(…, index=False) leaves it out.',
    );
  const twice = columns.find((name, index) => columns.indexOf(name) !== index);
  if (twice !== undefined) throw usageError(`${where} has two columns named '${twice}'`);
}

/** `label=species` into the output and the list of columns; without a name it is the only one's. */
function splitFlag(text: string, role: Role, model: ModelMetadata): [TensorMetadata, string] {
  const specs = role === 'input' ? model.inputs : model.outputs;
  const names = specs.map(({ name }) => name);
  const equals = text.indexOf('=');
  const [only, ...others] = specs;
  if (equals < 0 && only !== undefined && others.length === 0) return [only, text];
  if (equals < 0)
    throw usageError(
      `--${role} ${text} does not say which ${role}: wanted --${role} <name>=${text}, <name> one of ${listed(names)}`,
    );
  const name = text.slice(0, equals);
  const spec = specs.find((each) => each.name === name);
  if (spec !== undefined) return [spec, text.slice(equals + 1)];
  throw usageError(`Model '${model.name}' has no ${role} '${name}'`, hint(name, names, `Its ${role}s are`));
}

function indicesOf(list: string, { columns, where }: Header, flag: string): number[] {
  let names: readonly string[];
  try {
    names = readCells(list);
  } catch {
    throw usageError(`${flag} ${list} is not a list of columns: wanted names with commas between them`);
  }
  return names.map((name) => {
    const index = columns.indexOf(name);
    if (index >= 0) return index;
    throw usageError(`${where} has no column '${name}' (${flag})`, hint(name, columns, 'Its columns are'));
  });
}

function defaultColumns(
  { name }: TensorMetadata,
  left: readonly number[],
  { columns, where }: Header,
  model: ModelMetadata,
): readonly number[] {
  if (model.inputs.length === 1) return left;
  const index = columns.indexOf(name);
  if (index >= 0) return [index];
  throw usageError(
    `${where} has no column '${name}' for input '${name}' of model '${model.name}': name its columns by --input ${name}=<columns>`,
    hint(name, columns, 'Its columns are'),
  );
}

function tensorColumns(
  spec: TensorMetadata,
  columns: readonly number[],
  role: Role,
  header: Header,
  named: boolean,
): TensorColumns {
  const { name, datatype } = spec;
  const shape = rowShape(spec, columns.length);
  if (shape !== undefined) return { name, datatype, shape, columns };
  const list = listed(columns.map((index) => header.columns[index] as string));
  const rest = named
    ? `${columns.length} columns are given`
    : `${columns.length} are left of ${header.where}`;
  throw usageError(
    `${role === 'input' ? 'Input' : 'Output'} '${name}' has shape [${spec.shape.join(', ')}], which ${rest} cannot fill: ${list}`,
    named
      ? undefined
      : 'Expected scores are named by --output <name>=<columns>, other columns that the model does not take by --ignore <columns>.',
  );
}

/** One row's shape: a batch dimension is 1, one other open dimension is what is left for it. Undefined where none fits. */
function rowShape({ shape }: TensorMetadata, count: number): readonly number[] | undefined {
  const row = shape.map((dim, index) => (index === 0 && dim === -1 ? 1 : dim));
  const fixed = row.filter((dim) => dim !== -1).reduce((product, dim) => product * dim, 1);
  const open = row.filter((dim) => dim === -1).length;
  if (open === 0) return fixed === count && count > 0 ? row : undefined;
  const rest = count / fixed;
  if (open > 1 || !Number.isInteger(rest) || rest === 0) return undefined;
  return row.map((dim) => (dim === -1 ? rest : dim));
}

function hint(given: string, names: readonly string[], all: string): string {
  const near = nearest(given, names);
  return near === undefined ? `${all} ${listed(names)}.` : `Did you mean '${near}'?`;
}

const MAX_LISTED = 20;

function listed(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => `'${name}'`);
  const more = names.length - shown.length;
  return `${shown.join(', ') || 'none'}${more > 0 ? ` and ${more} more` : ''}`;
}
