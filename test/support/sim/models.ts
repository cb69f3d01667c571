import type { Manifest } from '../../../gateway/core/manifest.js';
import type { QueuePolicy, Scheduling } from '../../../gateway/core/scheduling.js';
import type { RunTime } from './workers.js';

/** A model of the simulation: what the gateway knows of it, and how long its runs really take. */
export interface SimModel extends RunTime {
  readonly manifest: Manifest;
}

/** A model `{ X: [-1, -1] } -> { Y: [-1, -1] }`, whose preparation has measured runs of one row, of half a batch and of a whole one. */
export function simModel(
  model: string,
  time: RunTime,
  maxBatchSize = 16,
  more: Partial<Manifest> = {},
): SimModel {
  const { fixedMs, perRowMs } = time;
  const sizes = [...new Set([1, Math.ceil(maxBatchSize / 2), maxBatchSize])];
  const manifest: Manifest = {
    model,
    version: 1,
    signature: {
      inputs: [{ name: 'X', datatype: 'FP32', shape: [-1, -1] }],
      outputs: [{ name: 'Y', datatype: 'FP32', shape: [-1, -1] }],
      batchable: true,
      maxBatchSize,
    },
    preparedPath: '/nowhere/model.onnx',
    batchCheck: 'verified',
    latency: sizes.map((rows) => ({ rows, ms: fixedMs + perRowMs * rows })),
    sha256: model,
    bytes: 1,
    warnings: [],
    ...more,
  };
  return { fixedMs, perRowMs, manifest };
}

/** Milliseconds of a run. */
export function runMs(model: SimModel, rows: number): number {
  return model.fixedMs + model.perRowMs * rows;
}

/** Rows a second that workers can run at most, of this model alone. */
export function capacity(model: SimModel, workers: number): number {
  let best = 0;
  for (let rows = 1; rows <= model.manifest.signature.maxBatchSize; rows++)
    best = Math.max(best, rows / runMs(model, rows));
  return workers * best * 1000;
}

const IN_TIME: QueuePolicy = { timeoutAction: 'reject', allowTimeoutOverride: false };

/** What config.pbtxt would say under `dynamic_batching`. */
export function scheduled(scheduling: Partial<Scheduling>): Pick<Manifest, 'configuration'> {
  return {
    configuration: {
      inputs: [],
      outputs: [],
      parameters: {},
      runtime: {},
      scheduling: {
        preferredBatchSizes: [],
        maxQueueDelayMs: 0,
        preserveOrdering: false,
        priorityLevels: 0,
        defaultPriorityLevel: 0,
        defaultQueuePolicy: IN_TIME,
        queuePolicies: {},
        ...scheduling,
      },
    },
  };
}
