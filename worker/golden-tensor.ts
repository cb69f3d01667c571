import { quote } from '../gateway/core/error.js';
import { elementCount } from '../gateway/core/tensor.js';
import { type Element, elementOf } from './golden-elements.js';

/** A tensor of a golden line: nested lists, or `{"shape": […], "data": […]}`. */
export interface GoldenTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** In row-major order; null: any value will do. */
  readonly elements: readonly (Element | null)[];
}

/** More dimensions than any model has. */
const MAX_RANK = 16;

/** What is wrong, in words that begin with the tensor's role and name. */
export class GoldenFault extends Error {}

interface Wanted {
  readonly role: 'input' | 'output';
  readonly name: string;
  readonly datatype: string;
}

/** Reads a JSON value as a tensor of a datatype; null stands for any value in an output. Throws a GoldenFault. */
export function readTensor(value: unknown, wanted: Wanted): GoldenTensor {
  const { role, name, datatype } = wanted;
  const subject = `${role} ${quote(name)}`;
  const shaped = typeof value === 'object' && value !== null && !Array.isArray(value);
  const nested = shaped ? shapedData(value as Record<string, unknown>, subject) : value;
  const nesting = nestingOf(nested, subject);
  const shape = shaped ? (value as { shape: number[] }).shape : nesting;
  const elements: (Element | null)[] = [];
  visit(nested, nesting, subject, (leaf, index) => {
    const element = leaf === null && role === 'output' ? null : elementOf(datatype, leaf);
    if (typeof element === 'object' && element !== null)
      throw new GoldenFault(
        `${subject}, element ${indexText(shape, index)}, is ${given(leaf)}: wanted ${element.wanted} (${datatype})`,
      );
    elements.push(element);
  });
  return { name, datatype, shape, elements };
}

function shapedData(value: Record<string, unknown>, subject: string): unknown[] {
  for (const key of Object.keys(value))
    if (key !== 'shape' && key !== 'data')
      throw new GoldenFault(`${subject} has an unknown key ${quote(key)}: wanted shape and data, or lists`);
  const { shape, data } = value;
  const fits =
    Array.isArray(shape) &&
    shape.length <= MAX_RANK &&
    shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
  if (!fits) throw new GoldenFault(`${subject} has shape ${given(shape)}: wanted a list of sizes`);
  if (!Array.isArray(data)) throw new GoldenFault(`${subject} has data ${given(data)}: wanted a list`);
  const count = elementCount(shape as number[]);
  if (count !== data.length)
    throw new GoldenFault(
      `${subject} has ${data.length} elements in data, its shape [${shape}] wants ${count}`,
    );
  return data;
}

/** The lengths of the first list at each depth. */
function nestingOf(value: unknown, subject: string): number[] {
  const shape: number[] = [];
  for (let list = value; Array.isArray(list); list = list[0]) {
    if (shape.length === MAX_RANK)
      throw new GoldenFault(`${subject} has lists nested deeper than ${MAX_RANK}`);
    shape.push(list.length);
  }
  return shape;
}

function visit(
  value: unknown,
  shape: readonly number[],
  subject: string,
  leaf: (value: unknown, index: number) => void,
): void {
  let index = 0;
  const walk = (at: unknown, depth: number): void => {
    if (depth === shape.length) {
      leaf(at, index++);
      return;
    }
    const length = shape[depth];
    if (!Array.isArray(at) || at.length !== length) {
      const found = Array.isArray(at) ? `a list of ${at.length}` : given(at);
      throw new GoldenFault(
        `${subject} has ${found} where the first of its kind is a list of ${length}: its lists must be of one length`,
      );
    }
    for (const inner of at) walk(inner, depth + 1);
  };
  walk(value, 0);
}

/** `[0, 2]`: where an element is, by its index in row-major order. */
export function indexText(shape: readonly number[], index: number): string {
  const places: number[] = [];
  let rest = index;
  for (const dim of shape.toReversed()) {
    places.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return `[${places.join(', ')}]`;
}

function given(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `the text ${quote(value, 40)}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}
