import type { CloseReason } from './close-reason.js';
import type { Reason, StatusCode } from './error.js';
import type { InferTiming } from './infer-call.js';

/** Stands for every name that the server does not know: clients must not be able to make labels grow. */
export const OTHER = '_OTHER';

/** A batch that has run, and where its time went. */
export interface RecordedRun {
  readonly model: string;
  readonly version: number;
  readonly rows: number;
  readonly requests: number;
  /** Copying the rows together. */
  readonly inputMs: number;
  /** The run itself, as its worker measured it. */
  readonly computeMs: number;
  /** Handing the rows back. */
  readonly outputMs: number;
  /** Why it was closed with these rows. */
  readonly why: CloseReason;
}

/** Why a batch runs once more: `fault` of its worker; it has ended several, and is halved (`poison`); the model has refused it, and it is halved. */
export type RetryReason = 'fault' | 'poison' | 'rejected';

/**
 * What was wrong with an output: it is `missing`, has not the rows of its batch (`shape`), its bytes do not fit its shape (`size`), or it
 * holds a `nan`, which is answered like any other value.
 */
export type BadOutput = 'missing' | 'shape' | 'size' | 'nan';

/** Where the request path notes what happened; telemetry/ implements it. Cheap: called for every request. */
export interface Recorder {
  /** One inference request has ended. `version` is 0 when it was not resolved, `bytes` the size of its message, where that is known. */
  request(
    model: string,
    version: number,
    code: StatusCode | 'OK',
    totalMs: number,
    timing: InferTiming | undefined,
    bytes?: number,
  ): void;
  /** A request was refused or failed, and why. `version` is 0 when it was not resolved. */
  refused(model: string, version: number, reason: Reason): void;
  /** One batch has run. */
  batch(run: RecordedRun): void;
  /** A batch runs once more: as a whole since its worker has failed, or in halves. */
  retried(model: string, version: number, why: RetryReason): void;
  /** An output of a run was not what the model declares, or holds what is no number. */
  badOutput(model: string, version: number, kind: BadOutput): void;
  /** An attempt to load a version has ended. */
  loaded(model: string, version: number, outcome: 'available' | 'failed', durationMs: number): void;
  /** A worker ended unexpectedly and its slot gets a successor. */
  workerLost(slotIndex: number, reason: string): void;
  /** Something arrived that had no taker: a late or doubled answer. */
  dropped(what: 'late_answer' | 'double_answer'): void;
}
