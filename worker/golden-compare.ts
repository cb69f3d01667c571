import { quote } from '../gateway/core/error.js';
import { decodeElements, type Element, isFloat } from './golden-elements.js';
import type { Tolerance } from './golden-line.js';
import { type GoldenTensor, indexText } from './golden-tensor.js';
import type { WireTensor } from './protocol.js';

/** As for the batch check: rounding, and nothing else. */
const DEFAULT = { absolute: 1e-6, relative: 1e-5 };
/** FP16 has three decimal digits: about ten of its steps. */
const FP16_DEFAULT = { absolute: 1e-3, relative: 1e-2 };

/** What a model answered, its elements ready to be compared. */
export interface Answer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly elements: readonly Element[];
}

/** Makes a tensor of a run ready. */
export function answerOf(tensor: WireTensor): Answer {
  return { name: tensor.name, shape: tensor.shape, elements: decodeElements(tensor) };
}

/** Rows `from` to `from + rows` of an answer. */
export function rowsOf(answer: Answer, from: number, rows: number): Answer {
  const perRow = answer.elements.length / (answer.shape[0] ?? 1);
  return {
    name: answer.name,
    shape: [rows, ...answer.shape.slice(1)],
    elements: answer.elements.slice(from * perRow, (from + rows) * perRow),
  };
}

/**
 * Undefined when an answer is what is wanted, else the first miss in words, with output, element, got and wanted. Integers, booleans
 * and strings must be the same; floats may differ by the tolerance. NaN is NaN, and an infinity only itself.
 */
export function firstMiss(
  wanted: GoldenTensor,
  got: Answer | undefined,
  given: Tolerance,
): string | undefined {
  const subject = `output ${quote(wanted.name)}`;
  if (got === undefined) return `${subject} is missing`;
  if (got.shape.join() !== wanted.shape.join())
    return `${subject}: got shape [${got.shape}], wanted [${wanted.shape}]`;
  const float = isFloat(wanted.datatype);
  const tolerance = { ...(wanted.datatype === 'FP16' ? FP16_DEFAULT : DEFAULT), ...given };
  for (const [i, want] of wanted.elements.entries()) {
    const value = got.elements[i] as Element;
    if (want === null || (float ? close(value as number, want as number, tolerance) : value === want))
      continue;
    const within = float
      ? ` (tolerance ${tolerance.absolute} + ${tolerance.relative} times what is wanted)`
      : '';
    return `${subject}, element ${indexText(wanted.shape, i)}: got ${text(value)}, wanted ${text(want)}${within}`;
  }
  return undefined;
}

function close(got: number, wanted: number, { absolute, relative }: Required<Tolerance>): boolean {
  if (got === wanted || (Number.isNaN(got) && Number.isNaN(wanted))) return true;
  // Whatever is there would be within a share of an infinity.
  if (!Number.isFinite(wanted)) return false;
  return Math.abs(got - wanted) <= absolute + relative * Math.abs(wanted);
}

function text(element: Element): string {
  return typeof element === 'string' ? quote(element, 60) : String(element);
}
