import type { CallTrace } from './call-trace.js';
import type { Cancellation } from './cancellation.js';
import type { Deadline } from './deadline.js';
import type { Manifest } from './manifest.js';
import type { Tensor } from './tensor.js';

/** Value of a request parameter, as the Open Inference Protocol's InferParameter carries it. */
export type ParameterValue = boolean | bigint | number | string;

/** One inference request, decoded: the same for every wire protocol. */
export interface InferCall {
  readonly model: string;
  /** As the client wrote it: `''` lets the server choose, else a number in decimal. */
  readonly version: string;
  /** The client's request id, `''` when it gave none. */
  readonly id: string;
  /** Views on the received bytes. */
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted; empty for all. */
  readonly outputs: readonly string[];
  readonly parameters: ReadonlyMap<string, ParameterValue>;
  /**
   * By output name, how many classes to answer in place of the whole tensor, at least 1 (the classification extension).
   * Undefined when no output is to be classified.
   */
  readonly classifications?: ReadonlyMap<string, number> | undefined;
  /**
   * Size of the message that the inputs are views on, in bytes: what the call keeps in memory, however little of it the
   * inputs use. @default the size of the inputs
   */
  readonly messageBytes?: number | undefined;
  /** Whether it may be run in pieces where it has more rows than its model takes at once. @default false: it is refused */
  readonly splits?: boolean | undefined;
  /** On whose behalf it is made, for fair shares and quotas; `''` where callers are not told apart. @default '' */
  readonly caller?: string;
  /** Who is at the other end of its connection, as the transport has it. @default nobody knows */
  readonly peer?: string | undefined;
  readonly deadline: Deadline;
  readonly cancellation: Cancellation;
  /** When the request's message had arrived, on the Clock's scale. */
  readonly arrivedAt: number;
  /** Where what becomes of it is noted. @default nowhere */
  readonly trace?: CallTrace | undefined;
}

/** How a request spent its time, in milliseconds; for metrics, logs and traces. */
export interface InferTiming {
  /** From submission to dispatch. */
  readonly queueMs: number;
  /** In session.run, as the worker measured it. */
  readonly computeMs: number;
  /** Its own rows. @default 1 */
  readonly rows?: number;
  /** Rows of the batch it ran in, its own included. */
  readonly batchRows: number;
  /** The copies of its batch: of the rows together, and of the outputs back. @default 0, not measured */
  readonly inputMs?: number;
  readonly outputMs?: number;
}

/** The answer to an InferCall; its outputs are views on the batch's buffers. */
export interface InferResult {
  readonly model: string;
  /** The version that made this answer. */
  readonly version: number;
  readonly id: string;
  readonly outputs: readonly Tensor[];
  readonly timing: InferTiming;
  /**
   * To be called by whoever has copied the outputs, which are empty after: gives the memory of large ones back at once. Optional
   * to call, once or more; without it the garbage collector does the same later. Absent where there is nothing to gain.
   */
  readonly release?: () => void;
}

/** The heart of the gateway: a layer takes one of these and returns one. */
export type Infer = (call: InferCall) => Promise<InferResult>;

/** A counted hold on a loaded model version: it is not unloaded while leased. */
export interface Lease {
  readonly manifest: Manifest;
  /** Idempotent. */
  release(): void;
}

/** An Infer whose model version is known and held: what comes after the resolve layer. */
export type LeasedInfer = (call: InferCall, lease: Lease) => Promise<InferResult>;
