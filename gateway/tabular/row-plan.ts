import { listed, unfit } from './fault.js';

/** An input of a model, as far as rows are concerned. */
export interface RowInput {
  readonly name: string;
  /** An Open Inference Protocol name. */
  readonly datatype: string;
  /** Whole shape; -1 is variable, the rows come first. */
  readonly shape: readonly number[];
}

/** By input, a name for each element of a row of it. */
export type FeatureNames = Readonly<Record<string, readonly string[]>>;

/** A part of a row that has a name. */
export interface Column {
  readonly name: string;
  /** Index of the input that it goes to. */
  readonly input: number;
  readonly datatype: string;
  /** What a row has in it: `[]` for a single value, -1 where it may vary. */
  readonly shape: readonly number[];
}

/** How rows of people's become tensors. */
export interface RowPlan {
  readonly model: string;
  readonly inputs: readonly RowInput[];
  /** In the order of a row that has no names. */
  readonly columns: readonly Column[];
  /** Most rows that the shapes allow. */
  readonly maxRows: number;
  /** False where the inputs have no dimension of rows: a row is all that the model takes, whole. */
  readonly batched: boolean;
  /** Inputs that are made of several columns. */
  readonly composed: ReadonlySet<string>;
}

/**
 * What the columns of a model are: of an input whose features have names, one for each; of any other, the input itself. The first
 * dimension counts the rows, where it is variable, or 1, on every input. Pure; throws INVALID_ARGUMENT for two columns of a name.
 */
export function planRows(model: string, inputs: readonly RowInput[], features: FeatureNames = {}): RowPlan {
  const batched = inputs.every(({ shape }) => shape[0] === -1 || shape[0] === 1);
  const composed = new Set<string>();
  const columns = inputs.flatMap(({ name, datatype, shape }, input): Column[] => {
    const row = batched ? shape.slice(1) : shape;
    const names = Object.hasOwn(features, name) ? features[name] : undefined;
    if (names !== undefined && fits(names, row)) {
      composed.add(name);
      return names.map((feature) => ({ name: feature, input, datatype, shape: [] }));
    }
    const single = row.length === 1 && row[0] === 1;
    return [{ name, input, datatype, shape: single ? [] : row }];
  });
  const names = columns.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw unfit(`two columns of model '${model}' are named ${listed([twice])}`);
  const maxRows = inputs.every(({ shape }) => shape[0] === -1) ? Number.POSITIVE_INFINITY : 1;
  return { model, inputs, columns, batched, maxRows, composed };
}

/** Whether a row of that shape is made of so many features. */
function fits(names: readonly string[], row: readonly number[]): boolean {
  return row.length <= 1 && (row[0] === -1 || (row[0] ?? 1) === names.length);
}
