import {
  createServer,
  type Http2ServerRequest,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { frame } from './raw-grpc.js';

export type Headers = Http2ServerRequest['headers'];

/** What a scripted server does with a request, once it is there in full; `count` is 1 for the first. */
export type Script = (
  stream: ServerHttp2Stream,
  request: { headers: Headers; body: Buffer; count: number },
) => void;

export interface ScriptedServer {
  readonly port: number;
  /** Requests that came in full. */
  readonly requests: () => number;
  /** Most streams that were open at once on a connection. */
  readonly mostOpen: () => number;
  /** Cuts the connection that a stream is on, without a word of HTTP/2. */
  cut(stream: ServerHttp2Stream): void;
  /** How many connections there have been. */
  readonly connections: () => number;
}

/** An HTTP/2 server (node's, on nghttp2) that treats every request as the test says. Ends with the test. */
export async function useScriptedServer(
  t: TestContext,
  script: Script,
  options: ServerOptions = {},
): Promise<ScriptedServer> {
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Map<number | undefined, Socket>();
  let count = 0;
  let connections = 0;
  let mostOpen = 0;
  const server = createServer(options);
  server.on('connection', (socket) => {
    const { remotePort } = socket;
    sockets.set(remotePort, socket);
    socket.on('close', () => sockets.delete(remotePort));
  });
  server.on('session', (session) => {
    let open = 0;
    connections++;
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
    session.on('stream', (stream: ServerHttp2Stream, headers: Headers) => {
      mostOpen = Math.max(mostOpen, ++open);
      stream.on('close', () => open--);
      stream.on('error', () => {});
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => script(stream, { headers, body: Buffer.concat(chunks), count: ++count }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    requests: () => count,
    mostOpen: () => mostOpen,
    cut: (stream) => void sockets.get(stream.session?.socket.remotePort)?.resetAndDestroy(),
    connections: () => connections,
  };
}

/** Answers as a gRPC server does: headers, one message, trailers. */
export function answer(
  stream: ServerHttp2Stream,
  message: Uint8Array = Buffer.from('hi'),
  trailers: Record<string, string> = { 'grpc-status': '0' },
): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.end(frame(message));
}

/** Answers with headers alone. */
export function refuse(stream: ServerHttp2Stream, headers: Record<string, string | number>): void {
  if (stream.destroyed) return;
  stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...headers }, { endStream: true });
}
