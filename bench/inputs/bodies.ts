import { BenchUsageError } from '../usage-error.js';
import type { NamedTensor, Samples } from './samples.js';

/** Bodies of one template take no more memory than this; every generator process holds them. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;

/** Which samples go into each body: all of them in order, from the first again where the last body is not full. */
function sampleIndices(count: number, rows: number): number[][] {
  return Array.from({ length: Math.ceil(count / rows) }, (_, body) =>
    Array.from({ length: rows }, (_, row) => (body * rows + row) % count),
  );
}

/**
 * Tensors of each body, `rows` samples in each. A model without batches takes one sample a body. Throws
 * BenchUsageError when the tensors have unequal numbers of samples, or when all bodies are too large together.
 */
export function bodiesOf(
  tensors: readonly Samples[],
  options: { readonly rows: number; readonly batches: boolean },
): NamedTensor[][] {
  const { rows, batches } = options;
  const counts = new Set(tensors.map(({ count }) => count));
  if (counts.size > 1) {
    const each = tensors.map(({ name, count }) => `${name} has ${count}`).join(', ');
    throw new BenchUsageError([
      `The inputs have unequal numbers of samples: ${each}; wanted as many of each`,
    ]);
  }
  const [count = 0] = counts;
  const bodies = sampleIndices(count, batches ? rows : 1);
  const bytes = tensors.reduce((sum, { parts }) => sum + (parts[0]?.length ?? 0), 0) * bodies.length * rows;
  if (bytes > MAX_BODY_BYTES) {
    throw new BenchUsageError([
      `The samples make ${Math.round(bytes / 1e6)} MB of requests; wanted at most ${Math.round(MAX_BODY_BYTES / 1e6)} MB: give fewer`,
    ]);
  }
  return bodies.map((indices) =>
    tensors.map(({ name, datatype, sampleShape, parts }) => ({
      name,
      datatype,
      shape: batches ? [indices.length, ...sampleShape] : sampleShape,
      data: Buffer.concat(indices.map((index) => parts[index] as Uint8Array)),
    })),
  );
}
