import { GatewayError, type StatusCode } from '../core/error.js';

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

/** Translates a GatewayError. Retry-After counts whole seconds and is always there with 503; 401 says what is wanted (RFC 6750). */
export function toHttpError({ code, message, details }: GatewayError): HttpError {
  const retryAfterMs = details.retryAfterMs ?? (code === 'UNAVAILABLE' ? 1000 : undefined);
  return {
    status: HTTP_STATUS[code],
    headers: {
      ...(retryAfterMs !== undefined && { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) }),
      ...(code === 'UNAUTHENTICATED' && { 'www-authenticate': 'Bearer' }),
    },
    body: { error: message, code },
  };
}

/** An error that may carry an HTTP status of its own, as Fastify's do and HttpFault. */
export type HttpFailure = Error & { readonly statusCode?: number | undefined };

/** Translates whatever a request has failed with: what HTTP has a word of its own for (413, 415) stays that, all else goes through the one funnel. */
export function httpErrorOf(error: HttpFailure): HttpError {
  const { statusCode } = error;
  if (error instanceof GatewayError || statusCode === undefined || statusCode >= 500)
    return toHttpError(GatewayError.from(error));
  return {
    status: statusCode,
    headers: {},
    body: {
      error: error.message.slice(0, 200),
      code: statusCode === 413 ? 'RESOURCE_EXHAUSTED' : 'INVALID_ARGUMENT',
    },
  };
}
