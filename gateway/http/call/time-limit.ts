import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError, quote } from '../../core/error.js';
import { readGrpcTimeout } from '../../core/grpc-timeout.js';

const whole = (text: string): number | undefined => (/^\d{1,9}$/.test(text) ? Number(text) : undefined);

/** Headers that say how long a request may take, and how each is read: in milliseconds, undefined for what is no time. */
const HEADERS: readonly (readonly [
  name: string,
  wanted: string,
  read: (text: string) => number | undefined,
])[] = [
  ['sluice-timeout-ms', 'a whole number of milliseconds', whole],
  ['grpc-timeout', 'at most 8 digits and one of H, M, S, m, u, n', readGrpcTimeout],
  // What an Envoy in front gives the request, whatever its client said.
  ['x-envoy-expected-rq-timeout-ms', 'a whole number of milliseconds', whole],
];

/** How long a request may take by its headers, in milliseconds: the least that they say; Infinity where they say nothing. Throws INVALID_ARGUMENT. */
export function timeLimitMs(headers: IncomingHttpHeaders): number {
  let least = Number.POSITIVE_INFINITY;
  for (const [name, wanted, read] of HEADERS) {
    const text = headers[name];
    if (typeof text !== 'string') continue;
    const limitMs = read(text);
    // Envoy says 0 for no limit.
    if (limitMs === 0 && name.startsWith('x-envoy')) continue;
    if (limitMs === undefined) {
      const message = `the header '${name}' is ${quote(text, 40)}, wanted ${wanted}`;
      throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: name });
    }
    least = Math.min(least, limitMs);
  }
  return least;
}
