import type { IncomingMessage, ServerResponse } from 'node:http';
import type { CallTrace } from '../../core/call-trace.js';
import type { Clock } from '../../core/clock.js';
import type { GatewayError } from '../../core/error.js';
import { timelineOf } from '../../core/timeline.js';
import { JSON_LENGTH_HEADER, pack, takesGzip, variesByEncoding } from '../call/answer-headers.js';
import { requestIdOf } from '../call/call-context.js';
import { TIMELINE_HEADER } from '../trace-requests.js';

/** The answer to a request that Fastify has not seen: with what `addResponseHeaders` puts into those of its own. */
export class DirectReply {
  readonly request: IncomingMessage;
  /** What the request has failed with. */
  failure: GatewayError | undefined = undefined;
  readonly #response: ServerResponse;
  #timeline: (() => string) | undefined;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.#response = response;
  }

  /** The answer is to tell where the time went. */
  timelineOf(trace: CallTrace, clock: Pick<Clock, 'now'>): void {
    this.#timeline = () => timelineOf(trace, clock.now());
  }

  /** Sends status, headers and body; compressed, where that is worth it and wanted. Where the client has left it does nothing. */
  send(status: number, headers: Record<string, string>, body: string | Buffer): void {
    const asked = this.request.headers;
    const id = requestIdOf(asked);
    if (id !== '') headers['x-request-id'] = id;
    if (this.#timeline !== undefined) headers[TIMELINE_HEADER] = this.#timeline();
    if (!variesByEncoding(body)) {
      this.#end(status, headers, body);
      return;
    }
    headers['vary'] = 'accept-encoding';
    if (!takesGzip(asked) || headers[JSON_LENGTH_HEADER] !== undefined) {
      this.#end(status, headers, body);
      return;
    }
    pack(body, (packed) => {
      if (packed !== undefined) headers['content-encoding'] = 'gzip';
      this.#end(status, headers, packed ?? body);
    });
  }

  /** Where not even an error can be sent: nobody may wait for it. */
  abandon(): void {
    this.#response.destroy();
  }

  #end(status: number, headers: Record<string, string>, body: string | Buffer): void {
    if (this.#response.destroyed) return;
    headers['content-length'] = String(Buffer.byteLength(body));
    this.#response.writeHead(status, headers).end(body);
  }
}
