/**
 * The messages between gateway and worker: plain data, the one thing the two sides share. Imports nothing, so that
 * either side can be replaced, and so that a message can cross a thread or a process boundary alike.
 */

/** A tensor on the boundary. `data` owns its ArrayBuffer, which is transferred and so empty for the sender after. */
export interface WireTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}

/** How a model wants to be run, where that differs from the server's way. */
export interface RuntimeWishes {
  readonly intraOpThreads?: number;
  readonly interOpThreads?: number;
  readonly executionMode?: 'sequential' | 'parallel';
  readonly graphOptimization?: 'disabled' | 'basic' | 'extended' | 'all';
  readonly memoryArena?: boolean;
  readonly memoryPattern?: boolean;
  /** Entries of the runtime's configuration by their whole name. */
  readonly entries?: Readonly<Record<string, string>>;
}

/** What a version is run on when it is loaded, from its configuration. Data from files is read by whoever runs it. */
export interface WarmUpData {
  readonly samples: readonly {
    readonly name: string;
    readonly batchSize: number;
    /** Runs; 0 is one, too. */
    readonly count: number;
    readonly inputs: readonly {
      readonly name: string;
      readonly datatype: string;
      readonly dims: readonly number[];
      /** A file is one of the folder `warmup` in the model's directory, and has the data of one row. */
      readonly data: 'zero' | 'random' | { readonly file: string };
    }[];
  }[];
  /** Whether `batchSize` comes in front of `dims`. */
  readonly batched: boolean;
  readonly modelDirectory?: string;
}

/** The inputs of one run, in a form that survives JSON. */
export type GivenInputs = readonly {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly base64: string;
}[];

/** What a worker needs to know of a version. */
export interface LoadSpec {
  readonly key: string;
  readonly modelPath: string;
  readonly intraOpThreads: number;
  /** What the model's configuration says of the runtime; its `intraOpThreads` comes before the other one. */
  readonly runtime?: RuntimeWishes;
  readonly inputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    /** The model's own shape, where requests have another one. */
    readonly modelShape?: readonly number[];
    /** Its strings are any bytes, and not for the runtime. */
    readonly opaque?: boolean;
  }[];
  readonly outputs: readonly {
    readonly name: string;
    readonly datatype: string;
    readonly shape: readonly number[];
    /** The model's own shape, where requests have another one. */
    readonly modelShape?: readonly number[];
    /** The input that it is, byte by byte. */
    readonly passedFrom?: string;
  }[];
  /** Undefined: `goldenRows`, else made-up input. */
  readonly warmUp?: WarmUpData;
  /** What the version is known to take, and to answer as it should. */
  readonly goldenRows?: readonly GivenInputs[];
}

/** Gateway to worker. Every message but `close` is answered once, with the same `id`. */
export type ToWorker =
  | { readonly kind: 'load'; readonly id: number; readonly spec: LoadSpec }
  | { readonly kind: 'unload'; readonly id: number; readonly key: string }
  | {
      readonly kind: 'run';
      readonly id: number;
      readonly key: string;
      readonly inputs: readonly WireTensor[];
      readonly outputs: readonly string[];
    }
  | { readonly kind: 'close' };

/** Worker to gateway. `ready` comes first and once. */
export type FromWorker =
  | { readonly kind: 'ready' }
  /** Of a worker that is a process, before it begins what it was asked; the instant is machine-wide monotonic milliseconds. */
  | { readonly kind: 'started'; readonly id: number; readonly startedAt: number }
  | { readonly kind: 'done'; readonly id: number }
  | {
      readonly kind: 'result';
      readonly id: number;
      readonly outputs: readonly WireTensor[];
      /** Machine-wide monotonic milliseconds around session.run. */
      readonly startedAt: number;
      readonly endedAt: number;
    }
  | { readonly kind: 'rejected'; readonly id: number; readonly code: RejectCode; readonly message: string };

/** INVALID_ARGUMENT: the input's fault. INTERNAL: the model failed on it. FAILED_PRECONDITION: it cannot be loaded. */
export type RejectCode = 'INVALID_ARGUMENT' | 'INTERNAL' | 'FAILED_PRECONDITION';

/** What piscina hands to the worker's one task; it lives as long as the worker. */
export interface WorkerTask {
  /** A MessagePort; typed loosely because this file imports nothing. */
  readonly port: unknown;
  /** 64 bytes: see `StatusWord`. */
  readonly status: SharedArrayBuffer;
}

/**
 * Words of the status block, an Int32Array over the shared bytes. The worker claims Phase 0 -> 1 before each run and
 * gives 1 -> 0 back after it; the gateway may end a thread only after it has won 0 -> 2, since ending a thread
 * inside session.run aborts the whole process. A thread that finds `givenUp` set begins nothing more.
 */
export const StatusWord = { phase: 0, runId: 1, givenUp: 2 } as const;
export const Phase = { idle: 0, running: 1, fenced: 2 } as const;
export const STATUS_BLOCK_BYTES = 64;
/** Index in a Float64Array over the same bytes: when the present run began, on the machine-wide monotonic clock. */
export const STARTED_AT = 2;

/** Gateway to the preparing child, over IPC: answered once, with the same `id`. */
export interface PrepareTask<Request> {
  readonly id: number;
  readonly request: Request;
}

/** The preparing child's answer: the version's manifest, or why it cannot be served. */
export type PrepareReply<Manifest> =
  | { readonly id: number; readonly ok: true; readonly manifest: Manifest }
  | {
      readonly id: number;
      readonly ok: false;
      readonly code: 'FAILED_PRECONDITION' | 'RESOURCE_EXHAUSTED';
      readonly message: string;
    };
