import { cellFrom, isUnfit } from './cell.js';
import { inWords, unfit } from './fault.js';
import type { Column, RowPlan } from './row-plan.js';
import { isList, type Scalar, type Value } from './value.js';

/** Values for one input of a model, each fit for its datatype. */
export interface InputValues {
  readonly name: string;
  /** An Open Inference Protocol name. */
  readonly datatype: string;
  readonly shape: readonly number[];
  /** In row-major order, as many as the shape says. */
  readonly values: readonly Scalar[];
}

/** What people sent, as a model takes it. */
export interface RowValues {
  readonly rows: number;
  readonly inputs: readonly InputValues[];
}

/** Puts rows together, cell by cell. Every method throws INVALID_ARGUMENT with the row and the column at fault. */
export class RowCollector {
  readonly #plan: RowPlan;
  /** By input. */
  readonly #values: Scalar[][];
  /** By column, the shape that its variable sizes came to in the first row. */
  readonly #shapes: (number[] | undefined)[];
  #rows = 0;

  constructor(plan: RowPlan) {
    this.#plan = plan;
    this.#values = plan.inputs.map(() => []);
    this.#shapes = plan.columns.map(() => undefined);
  }

  /** How many rows there are. */
  get rows(): number {
    return this.#rows;
  }

  /** Takes the next row: a value for each column. `place` says where it stands, `row 3`. */
  add(values: readonly Value[], place: string): void {
    this.#begin(place);
    const { columns } = this.#plan;
    for (let index = 0; index < columns.length; index++)
      this.#column(index, columns[index] as Column, values[index] as Value, place);
  }

  /** The same of cells that are read already, one for each column. */
  addCells(cells: readonly Scalar[], place: string): void {
    this.#begin(place);
    const { columns } = this.#plan;
    // Not by entries(): of long files this is the inner loop.
    for (let index = 0; index < columns.length; index++)
      (this.#values[(columns[index] as Column).input] as Scalar[]).push(cells[index] as Scalar);
  }

  /** All that was taken. */
  finish(): RowValues {
    const { inputs, columns, batched } = this.#plan;
    if (this.#rows === 0) throw unfit('there are no rows: at least one is wanted');
    return {
      rows: this.#rows,
      inputs: inputs.map(({ name, datatype, shape }, input) => {
        const values = this.#values[input] as Scalar[];
        const own = columns.findIndex((column) => column.input === input);
        const parts = columns.filter((column) => column.input === input).length;
        let row = this.#shapes[own] ?? [];
        // Single values are a list where the model has one in a row.
        if (row.length === 0 && shape.length === (batched ? 2 : 1)) row = [parts];
        return { name, datatype, shape: batched ? [this.#rows, ...row] : row, values };
      }),
    };
  }

  #begin(place: string): void {
    const { maxRows, model, batched } = this.#plan;
    if (this.#rows >= (batched ? maxRows : 1))
      throw unfit(`${place}: model '${model}' takes one row at a time, its first dimension is fixed`);
    this.#rows++;
  }

  #column(index: number, column: Column, value: Value, place: string): void {
    const { shape, input } = column;
    const into = this.#values[input] as Scalar[];
    // A list of one is what a model of one column a row calls a row.
    const single = shape.length === 0 && isList(value) && value.length === 1 ? (value[0] as Value) : value;
    const resolved =
      this.#shapes[index] ?? shape.map((size, level) => (size === -1 ? lengthAt(value, level) : size));
    this.#shapes[index] ??= resolved;
    this.#read(column, single, resolved, [], into, place);
  }

  #read(
    column: Column,
    value: Value,
    shape: readonly number[],
    path: number[],
    into: Scalar[],
    place: string,
  ): void {
    if (path.length === shape.length) {
      const cell = cellFrom(column.datatype, value);
      if (isUnfit(cell))
        throw this.#fault(column, path, place, `got ${inWords(value)}, wanted ${cell.wanted}`);
      into.push(cell);
      return;
    }
    const wanted = shape[path.length] as number;
    if (!isList(value) || value.length !== wanted)
      throw this.#fault(column, path, place, `got ${inWords(value)}, wanted a list of ${wanted}`);
    for (let index = 0; index < wanted; index++) {
      path.push(index);
      this.#read(column, value[index] as Value, shape, path, into, place);
      path.pop();
    }
  }

  #fault({ name }: Column, path: readonly number[], place: string, problem: string): Error {
    const where = path.map((index) => `[${index}]`).join('');
    return unfit(`${place}, column '${name}'${where}: ${problem}`, `${name}${where}`);
  }
}

/** Length of the first list at that level; 0 where there is none, which is refused when it is read. */
function lengthAt(value: Value, level: number): number {
  let at = value;
  for (let depth = 0; depth < level; depth++) at = isList(at) ? (at[0] ?? null) : null;
  return isList(at) ? at.length : 0;
}
