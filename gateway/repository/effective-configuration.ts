import { isDeepStrictEqual } from 'node:util';
import type { GivenFeatures, ModelConfiguration, VersionPolicy } from '../core/model-configuration.js';
import { type Scheduling, withinLargestBatch } from '../core/scheduling.js';
import { DEFAULT_VERSION_POLICY, describePolicy } from './version-policy.js';

/** What the server's own settings say of one model (the `models` section of sluice.yaml). */
export interface ModelSettings {
  /** @default config.pbtxt's, else latest 1 */
  readonly versionPolicy?: VersionPolicy | undefined;
  /** @default config.pbtxt's, else autofill: `defaultMaxBatchSize` when the model is batchable */
  readonly maxBatchSize?: number | undefined;
  /** @default what the model file carries */
  readonly features?: GivenFeatures | undefined;
}

/** What holds for a model when both have spoken. */
export interface EffectiveConfiguration {
  /** Its `versionPolicy` and `instanceCount` are those that hold; its `maxBatchSize` is config.pbtxt's: the declared dims go by it. */
  readonly configuration: ModelConfiguration & {
    readonly versionPolicy: VersionPolicy;
    readonly instanceCount: number;
  };
  /** Undefined: filled in from the model. */
  readonly maxBatchSize: number | undefined;
  /** For the log: where the two disagree, and what has no effect. */
  readonly warnings: readonly string[];
}

const NOTHING: ModelConfiguration = { inputs: [], outputs: [], parameters: {}, runtime: {} };

/**
 * Joins what the operator says of a model (sluice.yaml) with what the model says of itself (config.pbtxt). The operator's
 * word wins, and a disagreement is told.
 */
export function effectiveConfiguration(
  settings: ModelSettings = {},
  own: ModelConfiguration = NOTHING,
  machine: { readonly workers: number; readonly intraOpThreads: number },
): EffectiveConfiguration {
  const warnings: string[] = [];
  const { versionPolicy, maxBatchSize, features } = settings;
  const differ = (name: string, theirs: string, mine: string) =>
    warnings.push(`${name}: config.pbtxt says ${theirs}, sluice.yaml says ${mine}, which holds`);
  if (versionPolicy !== undefined && own.versionPolicy !== undefined)
    if (!isDeepStrictEqual(versionPolicy, own.versionPolicy))
      differ('versionPolicy', describePolicy(own.versionPolicy), describePolicy(versionPolicy));
  if (maxBatchSize !== undefined && own.maxBatchSize !== undefined && maxBatchSize !== own.maxBatchSize)
    differ('maxBatchSize', String(own.maxBatchSize), String(maxBatchSize));
  const scheduling = narrowed(own.scheduling, maxBatchSize, warnings);
  const { workers, intraOpThreads } = machine;
  if ((own.instanceCount ?? 0) > workers)
    warnings.push(
      `instance_group counts ${own.instanceCount} instances, but the server has ${workers} workers: no more run at a time`,
    );
  if ((own.runtime.intraOpThreads ?? 0) > intraOpThreads)
    warnings.push(
      `intra_op_thread_count is ${own.runtime.intraOpThreads}, each worker's share of the cores is ${intraOpThreads}: workers may take them from each other`,
    );
  return {
    configuration: {
      ...own,
      ...(scheduling !== undefined && { scheduling }),
      ...(features !== undefined && { features }),
      versionPolicy: versionPolicy ?? own.versionPolicy ?? DEFAULT_VERSION_POLICY,
      instanceCount: Math.min(own.instanceCount ?? workers, workers),
      instancesGiven: own.instanceCount !== undefined,
    },
    maxBatchSize: maxBatchSize ?? own.maxBatchSize,
    warnings,
  };
}

/** Preferred sizes that the operator's batches cannot have fall away: a full batch leaves anyway. */
function narrowed(
  scheduling: Scheduling | undefined,
  maxBatchSize: number | undefined,
  warnings: string[],
): Scheduling | undefined {
  const largest = scheduling?.preferredBatchSizes.at(-1) ?? 0;
  if (scheduling === undefined || maxBatchSize === undefined || largest <= maxBatchSize) return scheduling;
  warnings.push(
    `dynamic_batching.preferred_batch_size: config.pbtxt names ${largest}, sluice.yaml's maxBatchSize is ${maxBatchSize}: larger ones have no effect`,
  );
  return withinLargestBatch(scheduling, maxBatchSize);
}
