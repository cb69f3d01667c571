import { encodeTensor } from '../../client/encode-tensor.js';
import type { TensorMetadata } from '../../client/metadata.js';

/** Many samples of one input or output, one after the other. A sample is a row where the model takes batches. */
export interface Samples {
  readonly name: string;
  readonly datatype: string;
  readonly count: number;
  /** Shape of one sample; for a model that takes batches, without the batch dimension. */
  readonly sampleShape: readonly number[];
  /** Elements of each sample, little-endian; BYTES elements with their lengths. */
  readonly parts: readonly Uint8Array[];
}

/** A tensor as a request carries it. */
export interface NamedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/** Whether every tensor has a variable first dimension, which then counts rows. */
export function takesBatches(specs: readonly TensorMetadata[]): boolean {
  return specs.length > 0 && specs.every(({ shape }) => shape[0] === -1);
}

/** What one sample of a tensor looks like: without the batch dimension, if there is one. */
export function sampleShapeOf(spec: TensorMetadata, batches: boolean): readonly number[] {
  return batches ? spec.shape.slice(1) : spec.shape;
}

/**
 * Cuts a tensor that holds samples along its first dimension; where that dimension is missing, it is one sample.
 * Throws Error when the shape does not fit.
 */
export function cutSamples(
  spec: TensorMetadata,
  batches: boolean,
  tensor: { readonly shape: readonly number[]; readonly data: Uint8Array },
): Samples {
  const wanted = sampleShapeOf(spec, batches);
  const { shape } = tensor;
  const single = shape.length === wanted.length;
  const sampleShape = single ? shape : shape.slice(1);
  if (!fits(sampleShape, wanted)) {
    const form = `[n${wanted.map((dim) => `, ${dim}`).join('')}]`;
    throw new Error(`${spec.name} has shape [${shape.join(', ')}]; wanted ${form} for n samples`);
  }
  const count = single ? 1 : (shape[0] as number);
  if (count === 0) throw new Error(`${spec.name} has no samples`);
  const elements = sampleShape.reduce((product, dim) => product * dim, 1);
  const parts = cutBytes(spec.datatype, tensor.data, count, elements);
  return { name: spec.name, datatype: spec.datatype, count, sampleShape, parts };
}

/** Encodes values given in JavaScript (nested lists, typed arrays, `{shape, data}`) and cuts them into samples. */
export function samplesFromValues(spec: TensorMetadata, batches: boolean, values: unknown): Samples {
  return cutSamples(spec, batches, encodeTensor(spec.name, spec.datatype, values as never));
}

/** Whether concrete dimensions fit a specification in which -1 stands for any. */
function fits(shape: readonly number[], wanted: readonly number[]): boolean {
  return shape.length === wanted.length && wanted.every((dim, i) => dim === -1 || dim === shape[i]);
}

function cutBytes(datatype: string, data: Uint8Array, count: number, elements: number): Uint8Array[] {
  if (datatype !== 'BYTES') {
    const size = data.length / count;
    return Array.from({ length: count }, (_, i) => data.subarray(i * size, (i + 1) * size));
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let offset = 0;
  return Array.from({ length: count }, () => {
    const start = offset;
    for (let i = 0; i < elements; i++) offset += 4 + view.getUint32(offset, true);
    return data.subarray(start, offset);
  });
}
