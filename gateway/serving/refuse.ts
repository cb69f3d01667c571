import { GatewayError, quote } from '../core/error.js';
import type { InferCall } from '../core/infer-call.js';

/** Most dimensions or names of one list in a message. */
const MAX_LISTED = 16;

/**
 * The error of a request that its model cannot take: INVALID_ARGUMENT with the request's id in front, as Triton's
 * core writes it, since people search their logs for these texts.
 */
export function refusal(call: InferCall, field: string, message: string): GatewayError {
  const id = call.id === '' ? '<id_unknown>' : quote(call.id, 64).slice(1, -1);
  return new GatewayError('INVALID_ARGUMENT', `[request id: ${id}] ${message}`, {
    reason: 'bad_request',
    field,
  });
}

/** `[-1,4]`: a shape as Triton prints it, bounded, since a client may send a million dimensions. */
export function showShape(shape: readonly unknown[]): string {
  const shown = shape.slice(0, MAX_LISTED).map((dim) => String(dim).slice(0, 24));
  if (shape.length > MAX_LISTED) shown.push(`… ${shape.length} dimensions`);
  return `[${shown.join(',')}]`;
}

/** `['a','b']`: names in a message, bounded. */
export function showNames(names: readonly string[]): string {
  const shown = names.slice(0, MAX_LISTED).map((name) => quote(name, 40));
  if (names.length > MAX_LISTED) shown.push(`… ${names.length} names`);
  return `[${shown.join(',')}]`;
}
