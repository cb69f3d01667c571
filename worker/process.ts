import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';
import { monotonicMs } from '../gateway/core/clock.js';
import { liveAsChild } from './child-life.js';
import { encodeFrame, FrameReader } from './frames.js';
import type { FromWorker, ToWorker } from './protocol.js';
import { serve, type WorkerPort } from './serve.js';

/**
 * Entry of a worker that is a process of its own. Its line to the gateway is descriptor 3, one end of a pair of sockets without a
 * name; nobody else can reach it. It ends when told to, when that line ends, or with the server.
 */
const LINE = 3;
/** One read of the socket; what Node takes by itself is 64 KiB, and each read of a large tensor is a system call. */
const READ_BYTES = 256 * 1024;

liveAsChild();
// They reach the whole group of a terminal or a service: the server's to answer, which lets the workers end their runs.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

const port = socketPort();
void serve(port, {
  claim(id) {
    port.post({ kind: 'started', id, startedAt: monotonicMs() });
    return true;
  },
  release() {},
});

function socketPort(): WorkerPort {
  let onMessage: (message: ToWorker) => void = () => {};
  const reader = new FrameReader((message) => onMessage(message as ToWorker));
  // Node takes it here, too, not only where a socket connects; its types do not know.
  const options: SocketConstructorOpts & { onread: OnReadOpts } = {
    fd: LINE,
    onread: {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback(count, buffer) {
        reader.push(buffer.subarray(0, count));
        return true;
      },
    },
  };
  const socket = new Socket(options);
  // Its end follows.
  socket.on('error', () => {});
  return {
    post: (message) => write(socket, message),
    onMessage: (listener) => {
      onMessage = listener;
    },
    onClose: (listener) => void socket.on('close', listener),
    close: () => void socket.end(() => socket.destroy()),
  };
}

/** Resolves when it is with the kernel, or never will be. */
function write(socket: Socket, message: FromWorker): Promise<void> | undefined {
  const pieces = encodeFrame(message);
  const last = pieces.pop() as Uint8Array;
  if (message.kind !== 'result') {
    socket.write(last);
    return undefined;
  }
  return new Promise((resolve) => {
    socket.cork();
    for (const piece of pieces) socket.write(piece);
    socket.write(last, () => resolve());
    socket.uncork();
  });
}
