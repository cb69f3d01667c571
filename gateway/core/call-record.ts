import type { Reason, StatusCode } from './error.js';

/** What makes a call worth remembering: it failed, was turned away for want of room or time, or took long. */
export type CallFate = 'failed' | 'refused' | 'slow';

/** One such call. Holds no tensor and no metadata. */
export interface CallRecord {
  readonly fate: CallFate;
  /** As the client gave it; `''` where it gave none. */
  readonly requestId: string;
  /** `''` where the call is in no trace. */
  readonly traceId: string;
  readonly model: string;
  /** 0 where none was resolved. */
  readonly version: number;
  readonly code: StatusCode | 'OK';
  readonly reason: Reason | undefined;
  /** Why it failed; `''` for a slow one. */
  readonly message: string;
  /** When it ended, on the Clock's scale. */
  readonly endedAt: number;
  readonly totalMs: number;
  /** From submission to dispatch; undefined where it did not get that far. */
  readonly queueMs?: number | undefined;
  /** Of the run, as the worker measured it. */
  readonly computeMs?: number | undefined;
  /** Rows of the batch that it ran in. */
  readonly batchRows?: number | undefined;
}

/** Where such calls are noted; telemetry/ implements it. */
export interface CallNotes {
  note(record: CallRecord): void;
  /** A caller's call has ended, however it did: for who asks which caller takes how much. Cheap. */
  used(use: CallerUse): void;
}

/** What a call was to its caller. */
export interface CallerUse {
  readonly caller: string;
  /** Rows that were run for it; 0 where none were. */
  readonly rows: number;
  /** Size of its message. */
  readonly bytes: number;
  /** Whether it was turned away for want of room, time or quota. */
  readonly refused: boolean;
  /** On the Clock's scale. */
  readonly endedAt: number;
}

/** What a caller has asked for of late. */
export interface CallerTotal {
  readonly caller: string;
  readonly calls: number;
  readonly rows: number;
  readonly bytes: number;
  readonly refused: number;
}

/** The callers of late, who took most first, and of how long that is. */
export interface CallerReport {
  readonly overMs: number;
  readonly callers: readonly CallerTotal[];
}

/** Calls that are remembered, for who asks why. */
export interface CallMemory {
  /** The newest first: those whose request or trace id begins with `id` (`''`: all), of one fate or of any. */
  find(id: string, fate: CallFate | undefined, limit: number): readonly CallRecord[];
  /** Who calls. */
  callers(): CallerReport;
  /** A record's end in milliseconds since 1970. */
  wallMs(record: CallRecord): number;
}

/** Reasons that say nothing about the request, only that there was no room or time for it. */
const REFUSALS: ReadonlySet<Reason> = new Set<Reason>([
  'queue_full',
  'byte_budget',
  'backlog',
  'early_drop',
  'too_short',
  'queue_timeout',
  'quota',
  'front_end',
  'no_worker',
  'draining',
  'quarantined',
]);

/** What became of a call that has ended with an error. */
export function fateOf(reason: Reason | undefined): CallFate {
  return reason !== undefined && REFUSALS.has(reason) ? 'refused' : 'failed';
}
