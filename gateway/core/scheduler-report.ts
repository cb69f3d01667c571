import type { CloseReason } from './close-reason.js';
import type { Reason } from './error.js';

/** What the scheduler has learned of one model version, and what it did by it since the version was loaded. */
export interface LaneReport {
  readonly model: string;
  readonly version: number;
  /** Requests and rows that wait, and batches that run. */
  readonly queuedRequests: number;
  readonly queuedRows: number;
  readonly runningBatches: number;
  readonly maxBatchSize: number;
  /** The learned line: a batch of b rows takes `fixedMs + perRowMs * b`. Undefined while nothing is known. */
  readonly latency:
    | {
        readonly fixedMs: number;
        readonly perRowMs: number;
        /** How much longer the slower runs take, and what a batch takes beside its run: 19 of 20 are within both. */
        readonly guardRatio: number;
        readonly overheadMs: number;
        /** From this many rows on, larger batches bring next to nothing. */
        readonly kneeRows: number;
        /** Predictions for some sizes, for people. */
        readonly curve: readonly { readonly rows: number; readonly ms: number; readonly guardMs: number }[];
      }
    | undefined;
  /** Batches by why they were closed. */
  readonly closed: Readonly<Partial<Record<CloseReason, number>>>;
  /** Requests by why the scheduler refused or dropped them. */
  readonly refused: Readonly<Partial<Record<Reason, number>>>;
}

/** What the scheduler knows, as it is shown. */
export interface SchedulerReport {
  readonly lanes: readonly LaneReport[];
}
