import type { ModelVersion, Signature } from './model.js';
import type { ModelConfiguration, WarmUpSample } from './model-configuration.js';

/** What the throw-away child is asked to prepare. Plain data: it crosses a process boundary. */
export interface PrepareRequest extends ModelVersion {
  /** Absolute path of `model.onnx`, a file. */
  readonly modelPath: string;
  /** Its name in the version's directory, where it is a link to `modelPath`: its weights may lie beside either. */
  readonly logicalPath?: string;
  /** Absolute path of a directory of this version's own, where a rewritten model may be put. */
  readonly outputDir: string;
  /** max_batch_size wanted by configuration; undefined: autofill with `defaultMaxBatchSize`. */
  readonly maxBatchSize?: number;
  readonly defaultMaxBatchSize: number;
  readonly intraOpThreads: number;
  /** Whether operators that may never end are taken. @default false */
  readonly allowLoops?: boolean;
  /** Where the files that `configuration` names are, of labels and for the warm-up: an absolute path. Undefined for a single file. */
  readonly modelDirectory?: string;
  /** What config.pbtxt says, joined with the server's settings. */
  readonly configuration?: ModelConfiguration;
}

/** Whether answers stay the same in a batch: checked when the version is prepared (docs/ARCHITECTURE.md, "Batching must not change answers"). */
export type BatchCheck = 'verified' | 'differs' | 'unknown' | 'unbatchable';

/** What a version is run on when a worker loads it, and what is needed to make tensors of it. */
export interface WarmUp {
  readonly samples: readonly WarmUpSample[];
  /** Whether the samples' dims leave the batch dimension out. */
  readonly batched: boolean;
  /** What has the folder of the samples' files: the version's own copy of it. */
  readonly modelDirectory?: string;
}

/** A file that a version was copied from, as it was before. */
export interface SourceFile {
  /** Absolute, links followed. */
  readonly path: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Of its device and itself: a file that is moved in has another. */
  readonly inode: string;
}

/** Memory that one worker takes for a version, as measured when it was prepared: estimates, not bounds. */
export interface ModelMemory {
  /** What the session holds, after runs of as many rows as were tried. */
  readonly sessionBytes: number;
  /** Most that it took on the way there; at least `sessionBytes`. */
  readonly peakBytes: number;
}

/** A run's inputs that survive JSON, in the shapes of requests. */
export type GivenRow = readonly {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  /** The tensor's bytes. */
  readonly base64: string;
}[];

/** What preparation found out about a version; workers only load `preparedPath`. */
export interface Manifest extends ModelVersion {
  readonly signature: Signature;
  /** The file that workers load: a copy of the model, rewritten where it has to be (ZipMap stripped). */
  readonly preparedPath: string;
  readonly batchCheck: BatchCheck;
  /** First samples of l(b): a run of `rows` rows took `ms` milliseconds. */
  readonly latency: readonly { readonly rows: number; readonly ms: number }[];
  /** What `preparedPath` and the files beside it were copied from. @default not known */
  readonly sources?: readonly SourceFile[];
  /** Hex digest of `model.onnx` as found. */
  readonly sha256: string;
  readonly bytes: number;
  /** Undefined: not measured. */
  readonly memory?: ModelMemory;
  /** For people: what was changed or could not be verified. */
  readonly warnings: readonly string[];
  /** As the request had it, but for preferred batch sizes that no batch can have: the model's configuration and what holds of it. */
  readonly configuration?: ModelConfiguration;
  /** By input, what people may call each element of a row. */
  readonly features?: Readonly<Record<string, readonly string[]>>;
  /** By output, what its classes are called, index by index, where the signature has no labels of it. */
  readonly classes?: Readonly<Record<string, readonly string[]>>;
  /** Undefined: `goldenRows`, else made-up input. */
  readonly warmUp?: WarmUp;
  /** The first of the version's golden answers, to be warmed up with. */
  readonly goldenRows?: readonly GivenRow[];
}

/** Prepares one version; rejects with a GatewayError that says why the model cannot be served. */
export type Prepare = (request: PrepareRequest) => Promise<Manifest>;
