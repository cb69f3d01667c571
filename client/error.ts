/** Status names of gRPC, as `SluiceClientError.code` has them. */
export type StatusName =
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

/** A part of the request that the server found at fault (google.rpc.BadRequest). */
export interface FieldViolation {
  /** Path of the field, e.g. `inputs[0].shape`. */
  readonly field: string;
  readonly description: string;
}

/** What a SluiceClientError carries besides its code and message. */
export interface SluiceClientErrorOptions {
  readonly retryAfterMs?: number | undefined;
  readonly details?: readonly FieldViolation[] | undefined;
  readonly unreachable?: boolean | undefined;
  readonly cause?: unknown;
}

/**
 * The one error that the client throws, for what the server answered as well as for what never left this process
 * (a value that does not fit its datatype is INVALID_ARGUMENT, an aborted signal CANCELLED).
 */
export class SluiceClientError extends Error {
  readonly code: StatusName;
  /** When the server asked not to be called again earlier; undefined when it said nothing. In milliseconds. */
  readonly retryAfterMs: number | undefined;
  readonly details: readonly FieldViolation[];
  /** No answer came from any server: the address, the network or the server is at fault, not the request. */
  readonly unreachable: boolean;

  constructor(code: StatusName, message: string, options: SluiceClientErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'SluiceClientError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? [];
    this.unreachable = options.unreachable ?? false;
  }

  /** What a log line or an HTTP answer wants of it; JSON.stringify of a plain Error would drop the message. */
  toJSON(): object {
    const { code, message, retryAfterMs, details, unreachable } = this;
    return {
      code,
      message,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(details.length === 0 ? {} : { details }),
      ...(unreachable ? { unreachable } : {}),
    };
  }
}
