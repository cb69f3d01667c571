import type { GatewayError } from './error.js';
import type { Manifest } from './manifest.js';
import type { Tensor } from './tensor.js';

/** What a worker is asked to run. Each tensor's data owns its whole ArrayBuffer, which is transferred: gone after. */
export interface RunCommand {
  /** `versionKey` of the model version. */
  readonly key: string;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted, never empty. */
  readonly outputs: readonly string[];
  /** How long it is predicted to run, in milliseconds. @default not known */
  readonly expectedMs?: number;
}

/** How a run ended: `fault` is the worker's doing (retry elsewhere), `rejected` the request's (never retried). */
export type RunOutcome =
  | {
      readonly kind: 'success';
      readonly outputs: readonly Tensor[];
      /** Instants on the machine-wide monotonic clock, measured in the worker around session.run. */
      readonly startedAt: number;
      readonly endedAt: number;
    }
  | { readonly kind: 'rejected'; readonly error: GatewayError }
  | { readonly kind: 'fault'; readonly started: boolean; readonly reason: string };

/** Why a worker is no more. */
export interface WorkerExit {
  readonly expected: boolean;
  readonly reason: string;
}

/** What a worker is in the midst of: a run, a load or an unload. */
export interface Occupation {
  /** Tells one from the next. */
  readonly id: number;
  /** When it began, as the worker says; an instant on the machine-wide monotonic clock. */
  readonly startedAt: number;
}

/** A line to one worker, thread or process. Exactly one outcome for each run, also when the worker dies. */
export interface Channel {
  /** Of a worker that is a process of its own. */
  readonly pid?: number | undefined;
  /** Loads and warms a version in this worker; rejects with a GatewayError when the model fails to load. */
  load(manifest: Manifest): Promise<void>;
  unload(key: string): Promise<void>;
  /** `done` is called exactly once, never from within this call. */
  run(command: RunCommand, done: (outcome: RunOutcome) => void): void;
  /** Resolves when the worker is gone, for whatever reason. Never rejects. */
  readonly exited: Promise<WorkerExit>;
  /** What the worker is in the midst of; undefined when it is idle, or nothing is known of it. */
  readonly occupation: Occupation | undefined;
  /**
   * Gives up on a worker that may be wedged: all that it was asked is a fault at once, and what it still answers is dropped. A
   * process is killed. A thread cannot be while it is in a run; it ends when the run returns, which may be never.
   */
  abandon(reason: string): void;
  /** Ends the worker once it is idle. Resolves when it is gone. */
  close(): Promise<void>;
}

/** Starts a worker and its channel; resolves when the worker answers. */
export type OpenChannel = (slotIndex: number) => Promise<Channel>;

/** Where model versions live: the pool, as the registry sees it. */
export interface ModelHost {
  /** Loads and warms a version on every worker, one after the other; rejects with a GatewayError. */
  load(manifest: Manifest): Promise<void>;
  unload(key: string): Promise<void>;
  /** Whether a worker can run this version now. @default any that was loaded */
  serves?(key: string): boolean;
  /** Calls `listener` when what `serves` says may have changed. */
  onServingChange?(listener: () => void): void;
}
