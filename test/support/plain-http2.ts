import { createServer, type Server } from 'node:net';
import { systemClock } from '../../gateway/core/clock.js';
import { Connection } from '../../gateway/http2/connection.js';
import type { ConnectionOptions } from '../../gateway/http2/connection-options.js';
import { encodeHeaders } from '../../gateway/http2/hpack-encode.js';
import type { Http2Stream, StreamUser } from '../../gateway/http2/stream.js';

const OK = encodeHeaders([[':status', '200']]);
const TRAILERS = encodeHeaders([['x-done', '1']]);

/** Answers every request with its own body, when it is complete. */
function mirror(stream: Http2Stream): StreamUser {
  const parts: Buffer[] = [];
  return {
    data(bytes, start, end) {
      parts.push(Buffer.from(bytes.subarray(start, end)));
      stream.consumed(end - start);
      return false;
    },
    end() {
      const body = Buffer.concat(parts);
      stream.respond(OK, body.length === 0 ? Buffer.from('empty') : body, TRAILERS);
    },
    closed() {},
  };
}

/** HTTP/2 without gRPC, on a free loopback port: what `gateway/http2` does by itself. */
export async function plainHttp2(
  options: Partial<ConnectionOptions> = {},
): Promise<{ server: Server; port: number }> {
  const all: ConnectionOptions = {
    clock: systemClock,
    maxConcurrentStreams: 100,
    maxHeaderListBytes: 16 * 1024,
    streamWindowBytes: 2 ** 16,
    openingTimeoutMs: 5000,
    keepaliveTimeMs: 60_000,
    keepaliveTimeoutMs: 20_000,
    sendStallMs: 10_000,
    maxIdleMs: Number.POSITIVE_INFINITY,
    maxAgeMs: () => Number.POSITIVE_INFINITY,
    maxAgeGraceMs: 1000,
    onRequest: mirror,
    queued: () => {},
    onBug: (thrown) => {
      throw thrown;
    },
    onClosed: () => {},
    flushSoon: (connection) => setImmediate(() => connection.flush()),
    ...options,
  };
  const server = createServer({ noDelay: true }, (socket) => new Connection(socket, 'test', all));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: address !== null && typeof address === 'object' ? address.port : 0 };
}
