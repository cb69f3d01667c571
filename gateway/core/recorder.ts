import type { CloseReason } from './close-reason.js';
import type { Reason, StatusCode } from './error.js';
import type { InferTiming } from './infer-call.js';

/** Stands for every name that the server does not know: clients must not be able to make labels grow. */
export const OTHER = '_OTHER';

/** Where the request path notes what happened; telemetry/ implements it. Cheap: called for every request. */
export interface Recorder {
  /** One inference request has ended. `version` is 0 when it was not resolved. */
  request(
    model: string,
    version: number,
    code: StatusCode | 'OK',
    totalMs: number,
    timing: InferTiming | undefined,
  ): void;
  /** A request was refused or failed, and why. */
  refused(model: string, reason: Reason): void;
  /** One batch has run; `why` it was closed with these rows. */
  batch(model: string, version: number, rows: number, computeMs: number, why: CloseReason): void;
  /** A worker ended unexpectedly and its slot gets a successor. */
  workerLost(slotIndex: number, reason: string): void;
  /** Something arrived that had no taker: a late or doubled answer. */
  dropped(what: 'late_answer' | 'double_answer'): void;
}
