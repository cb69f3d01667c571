import type { Tensor } from '../core/tensor.js';

/** A request's part in a batch: what it brings and what it wants back. */
export interface Share {
  /** In the same order for every share of a batch. */
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted, in order; empty for all. */
  readonly outputs: readonly string[];
  readonly rows: number;
}

/**
 * The one copy on the way in: each input of all shares, row after row, in a buffer of its own that is exactly as long
 * and can be transferred. A single share keeps its shapes; several are concatenated along dim 0. BYTES elements carry
 * their own lengths, so that they are concatenated like any others.
 */
export function gatherInputs(shares: readonly Share[]): Tensor[] {
  const first = shares[0];
  if (first === undefined) return [];
  let rows = 0;
  for (const share of shares) rows += share.rows;
  return first.inputs.map((input, i) => ({
    name: input.name,
    datatype: input.datatype,
    shape: shares.length === 1 ? input.shape : [rows, ...input.shape.slice(1)],
    data: concatenate(shares, i),
  }));
}

function concatenate(shares: readonly Share[], i: number): Uint8Array {
  let length = 0;
  for (const share of shares) length += (share.inputs[i] as Tensor).data.length;
  // Never from Node's shared pool, which cannot be transferred; not zeroed, since every byte is written.
  const data = Buffer.allocUnsafeSlow(length);
  let offset = 0;
  for (const share of shares) {
    const part = (share.inputs[i] as Tensor).data;
    data.set(part, offset);
    offset += part.length;
  }
  return data;
}

/** The outputs that any share wants, never none: each name once, all of them (`all`) when a share wants all. */
export function gatherOutputs(shares: readonly Share[], all: readonly string[]): readonly string[] {
  const wanted = new Set<string>();
  for (const { outputs } of shares) {
    if (outputs.length === 0) return all;
    for (const name of outputs) wanted.add(name);
  }
  return [...wanted];
}
