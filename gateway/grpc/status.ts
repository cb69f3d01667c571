import { create, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import type { GatewayError, StatusCode } from '../core/error.js';
import { BadRequestSchema, RetryInfoSchema } from '../gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../gen/google/rpc/status_pb.js';

/** The numbers of gRPC's status codes. */
export const STATUS_NUMBER: Readonly<Record<StatusCode, number>> = {
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
};

/** How a call ended, as it stands in its trailers. */
export interface CallEnd {
  readonly code: number;
  readonly message: string;
  /** Further trailers; those whose names end in `-bin` are bytes. */
  readonly trailers: readonly (readonly [name: string, value: string | Buffer])[];
}

/**
 * Most bytes of trailers, names included. Longer ones can wedge a client's whole connection (measured with 100 KB), and
 * 8 KiB is what most peers accept; FAULTS B40 asks for 4 KiB.
 */
const MAX_TRAILER_BYTES = 4096;
/** What grpc-status, the names of the others and a margin take. */
const RESERVED_BYTES = 256;
const MAX_FIELD_CHARS = 100;

/**
 * A GatewayError as gRPC says it: code, message, push-back for retries, and google.rpc.Status with BadRequest and
 * RetryInfo where there is something to say. The details are left out where they would make the trailers too long.
 */
export function toCallEnd(error: GatewayError): CallEnd {
  const trailers: [string, string | Buffer][] = [];
  const { retryAfterMs, field, acceptEncoding } = error.details;
  if (acceptEncoding !== undefined) trailers.push(['grpc-accept-encoding', acceptEncoding]);
  // An integer: a negative or fractional one would tell clients never to retry.
  const pushbackMs = retryAfterMs === undefined ? undefined : Math.max(0, Math.ceil(retryAfterMs));
  if (pushbackMs !== undefined) trailers.push(['grpc-retry-pushback-ms', String(pushbackMs)]);
  if (pushbackMs !== undefined || field !== undefined) {
    const bytes = toBinary(StatusSchema, statusMessage(error, pushbackMs, field));
    const size = encodeURI(error.message).length + Math.ceil(bytes.length / 3) * 4;
    if (size <= MAX_TRAILER_BYTES - RESERVED_BYTES)
      trailers.push(['grpc-status-details-bin', Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)]);
  }
  return { code: STATUS_NUMBER[error.code], message: error.message, trailers };
}

function statusMessage(
  error: GatewayError,
  pushbackMs: number | undefined,
  field: string | undefined,
): MessageShape<typeof StatusSchema> {
  const details = [];
  if (field !== undefined) {
    const violation = {
      // Not error.message again: it is in the status already, and twice would be too long too soon.
      field: field.slice(0, MAX_FIELD_CHARS).toWellFormed(),
      description: error.message.slice(0, MAX_FIELD_CHARS).toWellFormed(),
      reason: (error.details.reason ?? 'bad_request').toUpperCase(),
    };
    details.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations: [violation] })));
  }
  if (pushbackMs !== undefined) {
    const info = create(RetryInfoSchema, { retryDelay: durationFromMs(pushbackMs) });
    details.push(anyPack(RetryInfoSchema, info));
  }
  // Code and message equal those of the call: clients such as Python's grpcio-status check that.
  return create(StatusSchema, { code: STATUS_NUMBER[error.code], message: error.message, details });
}
