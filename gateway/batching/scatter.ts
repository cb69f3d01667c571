import { DATATYPE_BYTES } from '../core/datatype.js';
import { GatewayError, quote } from '../core/error.js';
import type { BadOutput } from '../core/recorder.js';
import { elementCount, type Tensor } from '../core/tensor.js';
import type { Share } from './gather.js';

/** What a share gets: its outputs in the order that it asked for, or why it cannot have them. */
export type Portion = readonly Tensor[] | GatewayError;

/**
 * Hands the rows of a batch's outputs back to the shares that it was gathered from, as views: nothing is copied. What is wrong
 * with an output (its rows are not the batch's, it is missing, its bytes do not fit its shape) is INTERNAL, for those who wanted it.
 *
 * @param all names of all outputs in the signature's order: what a share gets that named none
 * @param bad told once of each output that is wrong
 */
export function scatter(
  outputs: readonly Tensor[],
  shares: readonly Pick<Share, 'rows' | 'outputs'>[],
  all: readonly string[],
  bad: (kind: BadOutput) => void = () => {},
): Portion[] {
  const parts = new Map<string, readonly Tensor[] | GatewayError>();
  for (const output of outputs) parts.set(output.name, split(output, shares, bad));
  return shares.map(({ outputs: wanted }, i) => {
    const portion: Tensor[] = [];
    for (const name of wanted.length === 0 ? all : wanted) {
      let part = parts.get(name);
      if (part === undefined) {
        bad('missing');
        part = wrong(name, 'is missing from the answer of the run');
        parts.set(name, part);
      }
      if (part instanceof GatewayError) return part;
      portion.push(part[i] as Tensor);
    }
    return portion;
  });
}

function split(
  output: Tensor,
  shares: readonly Pick<Share, 'rows'>[],
  bad: (kind: BadOutput) => void,
): readonly Tensor[] | GatewayError {
  const { name, datatype, shape, data } = output;
  const elementBytes = DATATYPE_BYTES[datatype];
  if (elementBytes !== 0 && data.length !== elementCount(shape) * elementBytes) {
    const wanted = elementCount(shape) * elementBytes;
    bad('size');
    return wrong(name, `has ${data.length} bytes, its shape [${shape}] needs ${wanted}`);
  }
  // A request that ran alone gets what the model made, whatever its shape.
  if (shares.length === 1) return [output];
  let rows = 0;
  for (const share of shares) rows += share.rows;
  if (shape[0] !== rows) {
    bad('shape');
    return wrong(
      name,
      `has shape [${shape}] after a batch of ${rows} rows, wanted ${rows} in its first dimension`,
    );
  }
  const rowShape = shape.slice(1);
  const rowElements = elementCount(rowShape);
  const parts: Tensor[] = [];
  let from = 0;
  for (const share of shares) {
    const count = share.rows * rowElements;
    const to = elementBytes === 0 ? skipElements(data, from, count) : from + count * elementBytes;
    if (to < 0) {
      bad('size');
      return wrong(name, `has fewer than the ${rows * rowElements} BYTES elements of its shape [${shape}]`);
    }
    parts.push({ name, datatype, shape: [share.rows, ...rowShape], data: data.subarray(from, to) });
    from = to;
  }
  if (from !== data.length) {
    bad('size');
    return wrong(name, `has ${data.length - from} bytes after the last of its elements`);
  }
  return parts;
}

/** Where `count` length-prefixed elements end that begin at `from`; -1 when they run past the end. */
function skipElements(data: Uint8Array, from: number, count: number): number {
  let offset = from;
  for (let i = 0; i < count; i++) {
    if (offset + 4 > data.length) return -1;
    const length =
      ((data[offset] as number) |
        ((data[offset + 1] as number) << 8) |
        ((data[offset + 2] as number) << 16) |
        ((data[offset + 3] as number) << 24)) >>>
      0;
    offset += 4 + length;
    if (offset > data.length) return -1;
  }
  return offset;
}

function wrong(name: string, what: string): GatewayError {
  return new GatewayError('INTERNAL', `model output ${quote(name)} ${what}`, { reason: 'model_error' });
}
