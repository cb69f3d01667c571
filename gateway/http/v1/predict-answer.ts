import { GatewayError, quote } from '../../core/error.js';
import type { InferResult } from '../../core/infer-call.js';
import { elementCount } from '../../core/tensor.js';
import { nestedLists, objectOf } from '../json/nested.js';
import { elementTexts, type NumberStyle } from '../json/tensor-writer.js';

/**
 * The answer of a predict, in the form of its request: `predictions`, one for each instance, or `outputs`, whole tensors; under their names
 * where there are several. Throws INTERNAL for an output that has not a row for each instance, INVALID_ARGUMENT for strings that are no text.
 */
export function predictAnswer(
  { outputs }: InferResult,
  rows: number | undefined,
  style: NumberStyle,
): string {
  const tensors = outputs.map((output) => ({ ...output, texts: elementTexts(output, style).texts }));
  const [only] = tensors;
  if (rows === undefined) {
    const whole = tensors.map(
      ({ name, shape, texts }) => [name, nestedLists(texts, shape, 0, texts.length)] as const,
    );
    return `{"outputs":${whole.length === 1 ? whole[0]?.[1] : objectOf(whole)}}`;
  }
  for (const { name, shape } of tensors)
    if (shape[0] !== rows)
      throw new GatewayError(
        'INTERNAL',
        `Tensor name: ${quote(name)} has inconsistent batch size: ${shape[0] ?? 'none'} expecting: ${rows}`,
        { reason: 'model_error' },
      );
  const part = ({ shape, texts }: (typeof tensors)[number], row: number): string => {
    const inner = shape.slice(1);
    const size = elementCount(inner);
    return nestedLists(texts, inner, row * size, size);
  };
  const predictions = Array.from({ length: rows }, (_, row) =>
    tensors.length === 1 && only !== undefined
      ? part(only, row)
      : objectOf(tensors.map((tensor) => [tensor.name, part(tensor, row)])),
  );
  return `{"predictions":[${predictions.join()}]}`;
}
