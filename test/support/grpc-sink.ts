/**
 * A gRPC server that does nothing but answer, as fast as plain sockets allow: it looks at frame headers only and answers every
 * request, once it is whole, with the same bytes. For measuring load generators, which must not wait for their server.
 *
 * As a program: `node grpc-sink.js [answer bytes]` prints its port and serves until its stdin ends.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { FLAG, FRAME, frame, numberFrame, settingsFrame, writeUint32 } from '../../gateway/http2/frames.js';
import { encodeHeaders } from '../../gateway/http2/hpack-encode.js';

const PREFACE_BYTES = 24;
const WINDOW_PORTION_BYTES = 32 * 1024;

/** HEADERS, one DATA frame and trailers for stream 0, and where the stream's number stands in them. */
function answerOf(bytes: number): { answer: Buffer; streams: number[] } {
  const message = Buffer.alloc(5 + bytes);
  writeUint32(message, 1, bytes);
  const headers = encodeHeaders([
    [':status', '200'],
    ['content-type', 'application/grpc'],
  ]);
  const parts = [
    frame(FRAME.headers, FLAG.endHeaders, 0, headers),
    frame(FRAME.data, 0, 0, message),
    frame(FRAME.headers, FLAG.endHeaders | FLAG.endStream, 0, encodeHeaders([['grpc-status', '0']])),
  ];
  const streams = [5, 5 + (parts[0]?.length ?? 0), 5 + (parts[0]?.length ?? 0) + (parts[1]?.length ?? 0)];
  return { answer: Buffer.concat(parts), streams };
}

/** Serves one connection. */
function serve(socket: Socket, answer: Buffer, streams: readonly number[]): void {
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.write(settingsFrame([[3, 1 << 20]]));
  let rest = Buffer.alloc(0);
  let skip = PREFACE_BYTES;
  let unreported = 0;
  socket.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const ended: number[] = [];
    let at = skip;
    while (at + 9 <= bytes.length) {
      const length = bytes.readUIntBE(at, 3);
      const type = bytes[at + 3];
      const flags = bytes[at + 4] as number;
      if (at + 9 + length > bytes.length && type !== FRAME.data) break;
      if (type === FRAME.data) {
        unreported += length;
        if (flags & FLAG.endStream) ended.push(bytes.readUInt32BE(at + 5));
        else socket.write(numberFrame(FRAME.windowUpdate, bytes.readUInt32BE(at + 5), length));
      } else if (type === FRAME.settings && (flags & FLAG.ack) === 0)
        socket.write(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
      else if (type === FRAME.ping && (flags & FLAG.ack) === 0)
        socket.write(frame(FRAME.ping, FLAG.ack, 0, bytes.subarray(at + 9, at + 17)));
      at += 9 + length;
    }
    skip = Math.max(0, at - bytes.length);
    rest = at < bytes.length ? Buffer.from(bytes.subarray(at)) : Buffer.alloc(0);
    if (unreported > WINDOW_PORTION_BYTES) {
      socket.write(numberFrame(FRAME.windowUpdate, 0, unreported));
      unreported = 0;
    }
    if (ended.length > 0) socket.write(answers(ended));
  });

  function answers(ended: readonly number[]): Buffer {
    const out = Buffer.allocUnsafe(ended.length * answer.length);
    for (const [i, stream] of ended.entries()) {
      out.set(answer, i * answer.length);
      for (const offset of streams) writeUint32(out, i * answer.length + offset, stream);
    }
    return out;
  }
}

/** Listens on a free loopback port; each answer has so many bytes. */
export function startSink(answerBytes = 16): Promise<{ server: Server; port: number }> {
  const { answer, streams } = answerOf(answerBytes);
  const server = createServer((socket) => serve(socket, answer, streams));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : 0 });
    });
  });
}

if (process.argv[1] === import.meta.filename) {
  const { port } = await startSink(Number(process.argv[2] ?? 16));
  console.log(port);
  process.stdin.on('end', () => process.exit(0)).resume();
}
