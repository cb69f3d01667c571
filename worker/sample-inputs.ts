import { float16Bits } from '../gateway/core/half.js';
import { elementCount } from '../gateway/core/tensor.js';
import { encodeStrings } from './bytes-tensor.js';
import type { WireTensor } from './protocol.js';

/** Made-up inputs, legal for their datatypes: for warm-up, for the batch check and for the first latencies. */

/** An input of a model: a signature's or a load message's. */
export interface InputSpec {
  readonly name: string;
  readonly datatype: string;
  /** -1 is variable. */
  readonly shape: readonly number[];
}

/** Sizes of the dimensions that a model leaves open. */
export interface OpenDims {
  /** For a variable first dimension: the batch, where there is one. */
  readonly rows: number;
  /** For every other variable dimension. */
  readonly other: number;
}

/** More than this many bytes of made-up input are not worth making. */
export const MAX_SAMPLE_BYTES = 64 * 1024 * 1024;

/** Numbers in [0, 1), the same for the same seed: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Fill = (count: number, random: () => number) => Uint8Array<ArrayBuffer>;

const bytesOf = (array: { readonly buffer: ArrayBuffer }): Uint8Array<ArrayBuffer> =>
  new Uint8Array(array.buffer);

/**
 * One row of each datatype. Floats look like standardised features; integers are 1 to 3, since they are mostly indices
 * into tables whose size is not known, and never 0: as a divisor, a step or a length that ends the process or never ends
 * in the runtime (STFT, DFT). Strings are short words.
 */
const FILL: Readonly<Record<string, Fill>> = {
  FP32: (count, random) => bytesOf(Float32Array.from({ length: count }, () => random() * 4 - 1)),
  FP64: (count, random) => bytesOf(Float64Array.from({ length: count }, () => random() * 4 - 1)),
  FP16: (count, random) => bytesOf(Uint16Array.from({ length: count }, () => float16Bits(random() * 4 - 1))),
  INT8: (count, random) => bytesOf(Int8Array.from({ length: count }, () => 1 + random() * 3)),
  UINT8: (count, random) => bytesOf(Uint8Array.from({ length: count }, () => 1 + random() * 3)),
  INT16: (count, random) => bytesOf(Int16Array.from({ length: count }, () => 1 + random() * 3)),
  UINT16: (count, random) => bytesOf(Uint16Array.from({ length: count }, () => 1 + random() * 3)),
  INT32: (count, random) => bytesOf(Int32Array.from({ length: count }, () => 1 + random() * 3)),
  UINT32: (count, random) => bytesOf(Uint32Array.from({ length: count }, () => 1 + random() * 3)),
  INT64: (count, random) =>
    bytesOf(BigInt64Array.from({ length: count }, () => BigInt(1 + Math.floor(random() * 3)))),
  UINT64: (count, random) =>
    bytesOf(BigUint64Array.from({ length: count }, () => BigInt(1 + Math.floor(random() * 3)))),
  BOOL: (count, random) => bytesOf(Uint8Array.from({ length: count }, () => (random() < 0.5 ? 0 : 1))),
  BYTES: (count, random) =>
    encodeStrings(Array.from({ length: count }, () => 'abcd'.charAt(Math.floor(random() * 4)))),
};

/** Made-up data of a datatype that is served. */
export function fillTensor(datatype: string, count: number, random: () => number): Uint8Array<ArrayBuffer> {
  return (FILL[datatype] as Fill)(count, random);
}

/** The shape with its open dimensions filled in. */
export function concreteShape(shape: readonly number[], open: OpenDims): number[] {
  return shape.map((dim, i) => (dim >= 0 ? dim : i === 0 ? open.rows : open.other));
}

/** A seeded tensor for every input; undefined where a datatype is not known or the size is out of proportion. */
export function sampleInputs(
  specs: readonly InputSpec[],
  open: OpenDims,
  random: () => number,
): WireTensor[] | undefined {
  let budget = MAX_SAMPLE_BYTES;
  const tensors: WireTensor[] = [];
  for (const { name, datatype, shape: pattern } of specs) {
    const shape = concreteShape(pattern, open);
    const count = elementCount(shape);
    budget -= count * 8;
    const fill = FILL[datatype];
    if (fill === undefined || budget < 0) return undefined;
    tensors.push({ name, datatype, shape, data: fill(count, random) });
  }
  return tensors;
}
