/**
 * The one error of the gateway. Every layer throws it, every protocol translates it (grpc/status, http/status),
 * and whatever else is thrown is turned into it by `GatewayError.from`, the one funnel.
 */

/** Canonical status names; the numbers live in grpc/status, the HTTP codes in http/status. */
export type StatusCode =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** Why a request was refused, for metrics and for clients that decide by it. Bounded: never client text. */
export type Reason =
  | 'queue_full'
  | 'byte_budget'
  /** Could not be done in time behind what waits. */
  | 'backlog'
  /** Could no longer be done in time, and was dropped before it cost a run. */
  | 'early_drop'
  /** Its deadline is shorter than its run on an idle server. */
  | 'too_short'
  /** Had waited for the time that its model's queue policy gives. */
  | 'queue_timeout'
  /** Its caller's own quota is spent. */
  | 'quota'
  /** Turned away before it was read: the front end itself is the bottleneck. */
  | 'front_end'
  /** No token, or none that is known. */
  | 'unauthenticated'
  /** The token's roles do not allow it. */
  | 'denied'
  | 'no_worker'
  | 'draining'
  | 'deadline_passed'
  | 'cancelled'
  | 'bad_request'
  | 'unknown_model'
  | 'worker_fault'
  /** It ends the worker that runs it. */
  | 'poison'
  /** Its model version ends one worker after the other. */
  | 'quarantined'
  | 'model_error'
  | 'internal';

/** What an error says besides its code and message; all optional. */
export interface ErrorDetails {
  /** A short machine-readable cause. */
  readonly reason?: Reason;
  /** When a retry may succeed; sent as `grpc-retry-pushback-ms` and `Retry-After`. */
  readonly retryAfterMs?: number;
  /** The request field at fault, e.g. `inputs[0].shape`; sent as google.rpc.BadRequest. */
  readonly field?: string;
  /** Encodings of messages that would have been understood; sent as `grpc-accept-encoding`. */
  readonly acceptEncoding?: string;
  readonly cause?: unknown;
  /** Its message may quote what nobody but its client should read: logs and traces say `KEPT_BACK` instead. */
  secret?: boolean;
}

/** Stands in logs and traces for a message that may quote the data of an input that is to be kept secret. */
export const KEPT_BACK = '(left out: it may quote an input of log.redactInputs)';

/**
 * Longest message that leaves the server, in UTF-8 bytes. A 100 KB message wedges the whole connection of
 * grpc-js and C-core clients (measured), so message plus trailers stay well under 4 KiB even percent-encoded (x3).
 */
export const MAX_MESSAGE_BYTES = 1024;

/** A failure with a canonical code and a message for its caller, cut at `MAX_MESSAGE_BYTES`. */
export class GatewayError extends Error {
  readonly code: StatusCode;
  readonly details: ErrorDetails;

  constructor(code: StatusCode, message: string, details: ErrorDetails = {}) {
    // A stack trace costs twenty times the rest of a refusal (20 us measured), and is read for bugs only.
    const { stackTraceLimit } = Error;
    if (code !== 'INTERNAL') Error.stackTraceLimit = 0;
    super(capMessage(message), details.cause === undefined ? undefined : { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'GatewayError';
    this.code = code;
    this.details = details;
  }

  /** Turns anything thrown into a GatewayError. Unknown things become INTERNAL with no internals in the text. */
  static from(thrown: unknown): GatewayError {
    if (thrown instanceof GatewayError) return thrown;
    return new GatewayError('INTERNAL', 'internal error', { reason: 'internal', cause: thrown });
  }
}

/** Quotes client text for a message: bounded, on one line, with what is not printable made visible. */
export function quote(text: string, maxChars = 100): string {
  const cut = text.length > maxChars ? `${text.slice(0, maxChars)}…(${text.length} characters)` : text;
  return `'${cut.toWellFormed().replace(/\p{Cc}/gu, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)}'`;
}

function capMessage(message: string): string {
  const text = message.toWellFormed();
  if (text.length * 3 <= MAX_MESSAGE_BYTES) return text;
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= MAX_MESSAGE_BYTES) return text;
  // Cut at a code point: a byte 10xxxxxx continues one.
  let end = MAX_MESSAGE_BYTES - 3;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end--;
  return `${bytes.toString('utf8', 0, end)}…`;
}
