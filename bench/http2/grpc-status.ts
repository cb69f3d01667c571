import { H2_ERROR } from '../../gateway/http2/frames.js';

/** gRPC's status codes by number. */
const NAMES = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
] as const;

/** The codes that the generator itself has a use for, and one of its own. */
export const STATUS = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
  /** Not gRPC's: the connection ended before the answer had come. */
  connection: 17,
} as const;

/** How many different statuses a call can end with. */
export const STATUSES = 18;

/** The name that reports use. */
export function statusName(code: number): string {
  return code === STATUS.connection ? 'CONNECTION' : (NAMES[code] ?? 'UNKNOWN');
}

/** What a reset stream means to a gRPC caller (gRPC over HTTP/2, "HTTP2 Transport Mapping", errors). */
export function statusOfReset(h2Error: number): number {
  switch (h2Error) {
    case H2_ERROR.refusedStream:
      return STATUS.unavailable;
    case H2_ERROR.cancel:
      return STATUS.cancelled;
    case H2_ERROR.enhanceYourCalm:
      return STATUS.resourceExhausted;
    case H2_ERROR.inadequateSecurity:
      return STATUS.permissionDenied;
    default:
      return STATUS.internal;
  }
}

/** What an answer without grpc-status means, by its HTTP status (grpc/doc/http-grpc-status-mapping). */
export function statusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return STATUS.internal;
    case 401:
      return STATUS.unauthenticated;
    case 403:
      return STATUS.permissionDenied;
    case 404:
      return STATUS.unimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return STATUS.unavailable;
    default:
      return STATUS.unknown;
  }
}
