import { GatewayError, quote } from './error.js';
import type { ParameterValue } from './infer-call.js';

/**
 * How many classes an output's `classification` parameter asks for. Throws INVALID_ARGUMENT that begins with Triton's words, which are
 * searched for; what it calls `>= 0` is at least 1.
 */
export function classCount(wanted: ParameterValue, output: string): number {
  const field = 'outputs.parameters';
  if (typeof wanted !== 'bigint')
    throw badRequest(
      `invalid value type for 'classification' parameter, expected int64_param: output ${quote(output)}`,
      field,
    );
  if (wanted <= 0n)
    throw badRequest(
      `invalid value for 'classification' parameter, expected >= 0: output ${quote(output)} asks for ${wanted} classes, wanted is 1 or more`,
      field,
    );
  // More than any tensor has elements.
  return wanted > 0xffff_ffffn ? 0xffff_ffff : Number(wanted);
}

function badRequest(message: string, field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
