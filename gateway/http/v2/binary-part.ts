import { GatewayError, quote } from '../../core/error.js';
import type { ParameterValue } from '../../core/infer-call.js';

/** The bytes behind the JSON of a request, and how many of them have been taken. */
export interface BinaryPart {
  readonly bytes: Buffer;
  at: number;
}

/** Where the JSON of a body ends, by the header `Inference-Header-Content-Length`. Throws INVALID_ARGUMENT in words that begin with Triton's. */
export function jsonLength(header: string | undefined, bodyBytes: number): number {
  if (header === undefined) return bodyBytes;
  const length = /^\d{1,15}$/.test(header) ? Number(header) : Number.NaN;
  if (length <= bodyBytes) return length;
  throw bad(
    `unable to parse Inference-Header-Content-Length: it is ${quote(header, 40)}, wanted the length of the JSON, of ${bodyBytes} bytes in all`,
    'Inference-Header-Content-Length',
  );
}

/** The next tensor's bytes: a view. */
export function takeBinary(part: BinaryPart, size: ParameterValue, name: string, index: number): Uint8Array {
  const left = part.bytes.length - part.at;
  if (typeof size !== 'bigint' || size < 0n || size > BigInt(left))
    throw bad(
      `'binary_data_size' of input ${quote(name)} is ${typeof size === 'string' ? quote(size, 40) : size}, wanted the number of its bytes, of which ${left} are left behind the JSON`,
      `inputs[${index}].parameters`,
    );
  const end = part.at + Number(size);
  const data = part.bytes.subarray(part.at, end);
  part.at = end;
  return data;
}

function bad(message: string, field: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field });
}
