import { float16Value } from '../gateway/core/half.js';
import type { WireTensor } from './protocol.js';

/**
 * Whether answers in a batch are those of the rows alone: the comparison behind "Batching must
 * not change answers" (docs/ARCHITECTURE.md), over bytes.
 * Other batch sizes take other kernels, whose sums round differently: floats may differ by rounding, all else by nothing.
 */
const TOLERANCE = { absolute: 1e-6, relative: 1e-5 };
/** FP16 has three decimal digits: about ten of its steps. */
const FP16_TOLERANCE = { absolute: 1e-3, relative: 1e-2 };

/** Stacks tensors of one name along their first dimension. The rest of the shape is the first one's. */
export function stackRows(parts: readonly WireTensor[]): WireTensor {
  const first = parts[0] as WireTensor;
  let rows = 0;
  let bytes = 0;
  for (const part of parts) {
    rows += part.shape[0] ?? 0;
    bytes += part.data.byteLength;
  }
  const data = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.byteLength;
  }
  return { name: first.name, datatype: first.datatype, shape: [rows, ...first.shape.slice(1)], data };
}

/** Stacks whole answers, output by output: what a batch of these parts ought to answer. */
export function stackAnswers(parts: readonly (readonly WireTensor[])[]): WireTensor[] {
  const first = parts[0] ?? [];
  return first.map((_, i) => stackRows(parts.map((part) => part[i] as WireTensor)));
}

/**
 * Undefined when `batch` equals `alone` (the stacked answers of the single rows), else the first difference in words.
 * Elements agree when they are bit-equal, both NaN, or floats with |d| <= 1e-6 + 1e-5*|x| (FP16: 1e-3 + 1e-2*|x|).
 */
export function firstDifference(
  alone: readonly WireTensor[],
  batch: readonly WireTensor[],
): string | undefined {
  for (const [i, expected] of alone.entries()) {
    const actual = batch[i];
    if (actual === undefined) return `output '${expected.name}' is missing in a batch`;
    if (expected.shape.join() !== actual.shape.join())
      return `output '${expected.name}' has shape [${actual.shape}] in a batch where [${expected.shape}] is wanted`;
    if (Buffer.compare(expected.data, actual.data) === 0) continue;
    const difference = differenceIn(expected, actual);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function differenceIn(expected: WireTensor, actual: WireTensor): string | undefined {
  const [a, b] = [floats(expected), floats(actual)];
  if (a === undefined || b === undefined) return `output '${expected.name}' differs in a batch`;
  const { absolute, relative } = expected.datatype === 'FP16' ? FP16_TOLERANCE : TOLERANCE;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    if (Object.is(x, y) || x === y || (Number.isNaN(x) && Number.isNaN(y))) continue;
    if (Math.abs(x - y) <= absolute + relative * Math.abs(x)) continue;
    return `output '${expected.name}' is ${y} in a batch and ${x} alone (element ${i})`;
  }
  return undefined;
}

function floats(tensor: WireTensor): ArrayLike<number> | undefined {
  const { datatype, data } = tensor;
  if (datatype !== 'FP16' && datatype !== 'FP32' && datatype !== 'FP64') return undefined;
  // A copy is aligned.
  const { buffer } = new Uint8Array(data);
  if (datatype === 'FP16') return Float32Array.from(new Uint16Array(buffer), float16Value);
  return datatype === 'FP32' ? new Float32Array(buffer) : new Float64Array(buffer);
}
