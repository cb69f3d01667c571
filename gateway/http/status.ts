import type { GatewayError, StatusCode } from '../core/error.js';

/** HTTP status of each status code (KServe's and Google's mapping). 499 is nginx's "client went away". */
export const HTTP_STATUS: Readonly<Record<StatusCode, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

/** An error as HTTP says it. */
export interface HttpError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `code` is gRPC's name of what is wrong. */
  readonly body: { readonly error: string; readonly code: StatusCode };
}

/** Translates a GatewayError. Retry-After counts whole seconds and is always there with 503. */
export function toHttpError({ code, message, details }: GatewayError): HttpError {
  const retryAfterMs = details.retryAfterMs ?? (code === 'UNAVAILABLE' ? 1000 : undefined);
  return {
    status: HTTP_STATUS[code],
    headers: retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
    body: { error: message, code },
  };
}
