import { GatewayError, quote } from './error.js';
import type { RpcHeaders } from './transport.js';

/** Longest value that names a caller: it is remembered for as long as its quota is not full again. */
const MAX_CALLER_CHARS = 128;

/**
 * On whose behalf a call is made, as its metadata says; `''` where it says nothing. Throws INVALID_ARGUMENT for a value that is
 * too long: cut, it could be another caller's.
 */
export function callerOf(headers: RpcHeaders, metadataKey: string): string {
  const value = headers.get(metadataKey);
  if (typeof value !== 'string') return '';
  if (value.length <= MAX_CALLER_CHARS) return value;
  const message = `the metadata ${quote(metadataKey)} is ${quote(value, 40)}, wanted at most ${MAX_CALLER_CHARS} characters`;
  throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' });
}
