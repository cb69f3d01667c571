import type { Datatype } from './datatype.js';
import type { Scheduling } from './scheduling.js';

/**
 * Which of a model's versions are wanted, as Triton's version_policy: the `latest` n, `'all'`, or the ones named.
 */
export type VersionPolicy = { readonly latest: number } | 'all' | { readonly specific: readonly number[] };

/** An input or output as config.pbtxt declares it. */
export interface DeclaredTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** Without the batch dimension where the configuration's `maxBatchSize` is 1 or more; -1 is variable. */
  readonly dims: readonly number[];
  /** The shape that the model itself has, where `dims` is another one of the same size; the batch dimension is left out as there. */
  readonly reshape?: readonly number[];
  /** How an image is laid out: carried for clients, who ask for it. Inputs only. */
  readonly format?: 'FORMAT_NHWC' | 'FORMAT_NCHW';
  /** File of class labels, relative to the model's directory. Outputs only. */
  readonly labelFilename?: string;
}

/** How onnxruntime is to run one model, where its configuration differs from the server's. Plain data: workers get it. */
export interface RuntimeOptions {
  readonly intraOpThreads?: number;
  readonly interOpThreads?: number;
  readonly executionMode?: 'sequential' | 'parallel';
  readonly graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all';
  readonly memoryArena?: boolean;
  readonly memoryPattern?: boolean;
  /** The runtime's configuration entries by their whole name, e.g. `session.set_denormal_as_zero`. */
  readonly entries?: Readonly<Record<string, string>>;
}

/** The folder in a model's directory that has the files of its warm-up samples; its name is Triton's. */
export const WARM_UP_FOLDER = 'warmup';

/** An input of a warm-up sample. */
export interface WarmUpInput {
  readonly name: string;
  readonly datatype: Datatype;
  /** All fixed. Without the batch dimension, as a `DeclaredTensor`'s. */
  readonly dims: readonly number[];
  /** A file is one of the folder `warmup` in the model's directory, and has the data of one row. */
  readonly data: 'zero' | 'random' | { readonly file: string };
}

/** What a version is run on before it serves: one of `model_warmup`. */
export interface WarmUpSample {
  readonly name: string;
  /** Rows, each of the same data where that is from a file. 1 for a model without a batch dimension; 0: it is not run, as in Triton. */
  readonly batchSize: number;
  /** Runs; 0 is one, too. */
  readonly count: number;
  readonly inputs: readonly WarmUpInput[];
}

/** What an operator calls the elements of a row: of the only input, or by input. */
export type GivenFeatures = readonly string[] | Readonly<Record<string, readonly string[]>>;

/** What a model says of itself in config.pbtxt; plain data. What is absent is decided by the model or the server. */
export interface ModelConfiguration {
  /** Undefined: filled in from the model. 0: it has no batch dimension. */
  readonly maxBatchSize?: number;
  readonly inputs: readonly DeclaredTensor[];
  readonly outputs: readonly DeclaredTensor[];
  readonly versionPolicy?: VersionPolicy;
  /** Most runs of a version at the same time. */
  readonly instanceCount?: number;
  /** Whether `instanceCount` is the model's word; else it is the number of workers at the time, and no limit. @default true */
  readonly instancesGiven?: boolean;
  readonly defaultModelFilename?: string;
  /** As given, known or not. */
  readonly parameters: Readonly<Record<string, string>>;
  /** `optimization.graph.level` as given. */
  readonly graphLevel?: number;
  readonly runtime: RuntimeOptions;
  /** Undefined: made-up input. */
  readonly warmUp?: readonly WarmUpSample[];
  /** Undefined: there is no `dynamic_batching`. */
  readonly scheduling?: Scheduling;
  /** The operator's: config.pbtxt has no field for it. @default what the model file carries */
  readonly features?: GivenFeatures;
}
