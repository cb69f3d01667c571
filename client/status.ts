import { type ServiceError, status } from '@grpc/grpc-js';
import { explainFault, type Secured } from './connect-fault.js';
import type { Contract } from './contract.js';
import { type FieldViolation, SluiceClientError, type StatusName } from './error.js';

/** Where a failed call went, and how far it came. */
export interface CallTrace {
  readonly address: string;
  readonly secured: Secured;
  /** Response headers had arrived before the failure. */
  readonly answered: boolean;
}

/** Turns what grpc-js reports into the client's error. */
export function errorFromStatus(
  error: ServiceError,
  trace: CallTrace,
  contract: Contract,
): SluiceClientError {
  const code = (status[error.code] ?? 'UNKNOWN') as StatusName;
  const unreachable = !trace.answered && isUnreachable(error);
  const { retryAfterMs, details } = richDetails(error, contract);
  const message =
    unreachable && code === 'UNAVAILABLE'
      ? `Cannot reach ${trace.address}: ${explainFault(shorten(error.details), trace.secured)}`
      : error.details;
  return new SluiceClientError(code, message || `the server answered ${code} without a message`, {
    retryAfterMs: pushback(error) ?? retryAfterMs,
    details,
    unreachable,
    cause: error,
  });
}

/**
 * Whether no server had a part in this failure. An error answer that comes without headers before it carries the
 * content type in its trailers; a status that grpc-js makes itself has none, and says in its text how far the call
 * came: one that had a connection names `remote_addr`.
 */
function isUnreachable(error: ServiceError): boolean {
  if (error.metadata.get('content-type').length > 0) return false;
  if (error.code === status.UNAVAILABLE) return true;
  return error.code === status.DEADLINE_EXCEEDED && !error.details.includes('remote_addr');
}

/** What grpc-js says of a failed connection, without the names of its own parts. */
function shorten(text: string): string {
  return text
    .replace(/^round_robin: /, '')
    .replace(/(No connection established\. Last error: )+(Error: )?/, '')
    .replace(/\.? ?Resolution note: .*$/s, '');
}

function pushback(error: ServiceError): number | undefined {
  const [value] = error.metadata.get('grpc-retry-pushback-ms') ?? [];
  const ms = Number(value?.toString() ?? Number.NaN);
  return Number.isInteger(ms) && ms >= 0 ? ms : undefined;
}

interface RichDetails {
  readonly retryAfterMs?: number | undefined;
  readonly details?: readonly FieldViolation[] | undefined;
}

/** google.rpc.Status from its trailer. What cannot be decoded is left out: the code and the message stand. */
function richDetails(error: ServiceError, contract: Contract): RichDetails {
  const [packed] = error.metadata.get('grpc-status-details-bin') ?? [];
  if (!(packed instanceof Buffer)) return {};
  try {
    let retryAfterMs: number | undefined;
    const details: FieldViolation[] = [];
    for (const { type_url, value } of contract.decode('google.rpc.Status', packed).details) {
      if (type_url.endsWith('/google.rpc.RetryInfo')) {
        const delay = contract.decode('google.rpc.RetryInfo', value).retry_delay;
        if (delay !== null) retryAfterMs = Number(delay.seconds) * 1e3 + delay.nanos / 1e6;
      } else if (type_url.endsWith('/google.rpc.BadRequest')) {
        const { field_violations } = contract.decode('google.rpc.BadRequest', value);
        details.push(...field_violations.map(({ field, description }) => ({ field, description })));
      }
    }
    return { retryAfterMs, details };
  } catch {
    return {};
  }
}
