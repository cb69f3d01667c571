import {
  type ClientHttp2Session,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';

/** What came back on one HTTP/2 stream. */
export interface RawAnswer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  /** `grpc-status`, from wherever it stood; undefined when there was none. */
  readonly status: number | undefined;
  readonly message: string;
  readonly body: Buffer;
  /** Complete gRPC messages in the body. */
  readonly messages: readonly Buffer[];
  readonly resetCode: number;
}

/** Headers to send: several of one name, or none in place of a usual one. */
export type RawHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Length-prefixed gRPC framing of a message. */
export function frame(message: Uint8Array, compressed = false): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed ? 1 : 0;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function unframe(body: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  let at = 0;
  while (at + 5 <= body.length) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    if (end > body.length) break;
    messages.push(body.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

/** A gRPC client that sends exactly what it is told, right or wrong. Close it after use. */
export class RawClient {
  readonly session: ClientHttp2Session;

  constructor(port: number) {
    // Its default of 10 MB would make it reset its own streams when many are large.
    this.session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 1024 });
    this.session.on('error', () => {});
  }

  /** Opens a stream with gRPC's usual headers, changed by `headers` (undefined takes one away). */
  open(path: string, headers: RawHeaders = {}) {
    const all: OutgoingHttpHeaders = {
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    };
    for (const [name, value] of Object.entries(headers)) {
      if (value === undefined) delete all[name];
      else all[name] = typeof value === 'string' ? value : [...value];
    }
    return this.session.request(all);
  }

  /** Sends `body` and half-closes; resolves when the stream has closed. */
  call(path: string, body: Uint8Array, headers: RawHeaders = {}): Promise<RawAnswer> {
    const stream = this.open(path, headers);
    stream.end(body);
    return answerOf(stream);
  }

  close(): void {
    this.session.destroy();
  }
}

/** Collects a stream until it closes. */
export function answerOf(stream: ReturnType<RawClient['open']>): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    stream.on('response', (received) => {
      headers = received;
    });
    stream.on('trailers', (received) => {
      trailers = received;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    stream.on('close', () => {
      const status = trailers['grpc-status'] ?? headers['grpc-status'];
      const body = Buffer.concat(chunks);
      resolve({
        headers,
        trailers,
        status: status === undefined ? undefined : Number(status),
        message: decodeURIComponent(String(trailers['grpc-message'] ?? headers['grpc-message'] ?? '')),
        body,
        messages: unframe(body),
        resetCode: stream.rstCode,
      });
    });
  });
}
