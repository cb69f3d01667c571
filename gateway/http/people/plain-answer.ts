import type { InferResult } from '../../core/infer-call.js';
import type { Manifest } from '../../core/manifest.js';
import type { Tensor } from '../../core/tensor.js';
import { elementCount } from '../../core/tensor.js';
import { nestedLists, objectOf } from '../json/nested.js';
import { elementTexts, type NumberStyle } from '../json/tensor-writer.js';

/** An output, cut into what belongs to each row. */
interface CutOutput {
  readonly name: string;
  /** JSON of each row's part; undefined for an output that does not come row by row. */
  readonly perRow: readonly string[] | undefined;
  /** JSON of the whole. */
  readonly whole: () => string;
}

/** The answer to rows, in the terms of those who asked. */
export interface PlainAnswer {
  /** JSON list with an element for each row: its value where the model has one output, else an object by output. */
  readonly predictions: string;
  /** JSON object of the outputs that do not come row by row; `''` where there is none. */
  readonly others: string;
}

/**
 * Turns outputs into a prediction for each row. Scores of classes that have names are an object by name; other tensors are nested lists.
 * Numbers are written as `style` says. Throws INVALID_ARGUMENT for strings that are not UTF-8.
 */
export function plainAnswer(
  { outputs }: InferResult,
  manifest: Manifest,
  rows: number,
  style: NumberStyle,
): PlainAnswer {
  const cut = outputs.map((output) => cutOutput(output, labelsOf(manifest, output.name), rows, style));
  const byRow = cut.flatMap(({ name, perRow }) => (perRow === undefined ? [] : [{ name, perRow }]));
  const [only] = byRow;
  const alone = cut.length === 1 && only !== undefined;
  const predictions = Array.from({ length: byRow.length === 0 ? 0 : rows }, (_, row) =>
    alone
      ? (only.perRow[row] as string)
      : objectOf(byRow.map(({ name, perRow }) => [name, perRow[row] as string])),
  );
  const others = cut.filter(({ perRow }) => perRow === undefined);
  return {
    predictions: `[${predictions.join()}]`,
    others: others.length === 0 ? '' : objectOf(others.map(({ name, whole }) => [name, whole()])),
  };
}

function labelsOf({ signature, classes }: Manifest, name: string): readonly string[] {
  return signature.outputs.find((output) => output.name === name)?.labels ?? classes?.[name] ?? [];
}

function cutOutput(tensor: Tensor, labels: readonly string[], rows: number, style: NumberStyle): CutOutput {
  const { name, shape } = tensor;
  const { texts } = elementTexts(tensor, style);
  const whole = (): string => nestedLists(texts, shape, 0, texts.length);
  if (shape[0] !== rows) return { name, perRow: undefined, whole };
  const ofRow = shape.slice(1);
  const size = elementCount(ofRow);
  // One value in a list of one is what exporters make of a column.
  const single = ofRow.length === 1 && size === 1 && labels.length === 0;
  const named = ofRow.length === 1 && size === labels.length && new Set(labels).size === size;
  const perRow = Array.from({ length: rows }, (_, row) => {
    const from = row * size;
    if (single) return texts[from] as string;
    if (named) return objectOf(labels.map((label, index) => [label, texts[from + index] as string]));
    return nestedLists(texts, ofRow, from, size);
  });
  return { name, perRow, whole };
}
