import type { StatusCode } from '../../core/error.js';

/** Codes that say that the server is at fault, as the conventions for RPC spans have it. */
const SERVER_FAULTS: ReadonlySet<StatusCode | 'OK'> = new Set([
  'UNKNOWN',
  'DEADLINE_EXCEEDED',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
]);

/** By their numbers. */
const CODES: readonly (StatusCode | 'OK')[] = [
  ...(['OK', 'CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND'] as const),
  ...([
    'ALREADY_EXISTS',
    'PERMISSION_DENIED',
    'RESOURCE_EXHAUSTED',
    'FAILED_PRECONDITION',
    'ABORTED',
  ] as const),
  ...(['OUT_OF_RANGE', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS', 'UNAUTHENTICATED'] as const),
];

/** Whether a span of a server that answers so is an error, as the conventions for gRPC have it. */
export function isServerFault(code: StatusCode | 'OK'): boolean {
  return SERVER_FAULTS.has(code);
}

/** The code's number, which the conventions had before its name. */
export function numberOf(code: StatusCode | 'OK'): number {
  return CODES.indexOf(code);
}
