import type { Clock } from '../core/clock.js';
import type { Manifest } from '../core/manifest.js';
import type { Recorder } from '../core/recorder.js';

/** What the scheduler does by what it has learned; each can be switched off. */
export interface SchedulerSwitches {
  /** Whether entries run in order of their deadlines, or of their arrival. */
  readonly order: 'deadline' | 'arrival';
  /** Batches are as large as the learned times and the deadlines suggest; else as large as they can be. */
  readonly batchChoice: boolean;
  /** Who can no longer be in time is dropped before it costs a run; else when its deadline has passed. */
  readonly earlyDrop: boolean;
  /** Who cannot be in time behind what waits is refused at once. */
  readonly admission: boolean;
}

/** Keeps every deadline that can be kept. */
export const BY_DEADLINE: SchedulerSwitches = {
  order: 'deadline',
  batchChoice: true,
  earlyDrop: true,
  admission: true,
};

/** First in, first out; what has expired is not run. What most servers do: for comparison. */
export const FIFO: SchedulerSwitches = {
  order: 'arrival',
  batchChoice: false,
  earlyDrop: false,
  admission: false,
};

export interface BatcherOptions {
  readonly clock: Clock;
  /** Told of each batch that ran (`batch`) and of answers without a taker (`dropped`). */
  readonly recorder?: Recorder;
  /** @default BY_DEADLINE */
  readonly scheduler?: SchedulerSwitches;
  /** Most rows that wait for one model version; requests beyond are refused. @default 65536 */
  readonly maxQueueRows?: number;
  /** Most bytes of input tensors held for all requests, waiting and running. @default 268435456 (256 MiB) */
  readonly maxQueueBytes?: number;
  /** Within how many milliseconds a request without a deadline counts as wanted: its place in the order. @default 1000 */
  readonly horizonMs?: number;
  /**
   * Called when a batch is handed to a worker; the function that it returns is called when the batch is over. A version cannot
   * be unloaded while a batch of it runs, even when all its callers have left and given their leases back. @default no hold
   */
  readonly retain?: (manifest: Manifest) => () => void;
  /** How many workers share the backlog. @default one */
  readonly workers?: () => number;
  /** In how many milliseconds the first of them is free, as predicted. @default 0 */
  readonly freeInMs?: (now: number) => number;
  /** A caller's share of a model, relative to others'. @default 1 for each */
  readonly shareOf?: (caller: string) => number;
}

/** What the batcher holds now; all zero when it is idle. */
export interface BatcherStats {
  /** Requests that wait or run. */
  readonly entries: number;
  /** Those of them that are in a batch: taken, or to be run again after a rejection. */
  readonly runningEntries: number;
  /** Rows that wait; a request without rows counts as one. */
  readonly queuedRows: number;
  /** Input bytes of all entries. */
  readonly bytes: number;
  /** Batches taken, or to be run again, that are not over. */
  readonly batches: number;
}

export type FullOptions = Required<Omit<BatcherOptions, 'recorder'>>;

export function withDefaults(options: BatcherOptions): FullOptions {
  return {
    clock: options.clock,
    scheduler: options.scheduler ?? BY_DEADLINE,
    maxQueueRows: options.maxQueueRows ?? 65_536,
    maxQueueBytes: options.maxQueueBytes ?? 256 * 2 ** 20,
    horizonMs: options.horizonMs ?? 1000,
    retain: options.retain ?? (() => () => {}),
    workers: options.workers ?? (() => 1),
    freeInMs: options.freeInMs ?? (() => 0),
    shareOf: options.shareOf ?? (() => 1),
  };
}
