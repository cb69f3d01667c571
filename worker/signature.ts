import { GatewayError, quote } from '../gateway/core/error.js';
import type { Signature, TensorSpec } from '../gateway/core/model.js';

/** What configuration says of batching. */
export interface BatchWish {
  /** Undefined: filled in from the model. 0: not batchable. */
  readonly maxBatchSize?: number | undefined;
  readonly defaultMaxBatchSize: number;
}

/**
 * Fills in what configuration leaves open: batchable iff the first dimension is variable on every input and output, then
 * with the default size (as Triton's autofill, with Sluice's default). Throws FAILED_PRECONDITION when a size is wanted
 * of a model that cannot be batched.
 */
export function autofill(
  inputs: readonly TensorSpec[],
  outputs: readonly TensorSpec[],
  wish: BatchWish,
): Signature {
  const fixed = [...inputs, ...outputs].find((spec) => spec.shape[0] !== -1);
  const possible = inputs.length > 0 && outputs.length > 0 && fixed === undefined;
  const wanted = wish.maxBatchSize ?? (possible ? wish.defaultMaxBatchSize : 0);
  if (wanted > 0 && !possible)
    throw new GatewayError(
      'FAILED_PRECONDITION',
      `max_batch_size is ${wanted}, but ${fixed === undefined ? 'it has no inputs' : `the first dimension of ${quote(fixed.name)} is not variable: its shape is [${fixed.shape}]`}; wanted is 0`,
      { reason: 'model_error' },
    );
  return { inputs, outputs, batchable: wanted > 0, maxBatchSize: Math.max(0, wanted) };
}
