import type { Manifest } from '../gateway/core/manifest.js';
import { withinLargestBatch } from '../gateway/core/scheduling.js';

/**
 * Holds `preferred_batch_size` against the largest batch, which is known for certain only now: it may have been filled in
 * from the model, and a model whose answers change in a batch has none. Pure.
 */
export function settleScheduling(manifest: Manifest): Manifest {
  const { configuration, signature, warnings } = manifest;
  const { maxBatchSize } = signature;
  const scheduling = configuration?.scheduling;
  const largest = scheduling?.preferredBatchSizes.at(-1) ?? 0;
  if (configuration === undefined || scheduling === undefined || largest <= maxBatchSize) return manifest;
  const most = maxBatchSize === 0 ? 'it is not batched' : `its batches have at most ${maxBatchSize} rows`;
  return {
    ...manifest,
    configuration: { ...configuration, scheduling: withinLargestBatch(scheduling, maxBatchSize) },
    warnings: [...warnings, `a preferred_batch_size of ${largest} has no effect: ${most}`],
  };
}
