import type { Writable } from 'node:stream';
import { systemClock } from '../core/clock.js';

/** Where lines go, each with its line break. */
export interface LineSink {
  /** Never throws and never waits. */
  write(line: string): void;
  /** Lines given up. */
  dropped(): number;
  /** Lines after it are dropped. Resolves when the reader has taken the others, or has had its time to. Never rejects. */
  close(): Promise<void>;
}

/** What may wait for a slow reader before lines are dropped. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/** How long the end of the process waits for a slow reader. */
const CLOSE_MS = 500;

/** Without a listener a reader that went away (EPIPE) would end the process. The same one for all sinks of a stream. */
function ignore(): void {}

/**
 * Lines to a stream, usually `process.stdout`, which Node writes to without blocking when it is a pipe. (pino's own
 * destination writes in a thread of the pool: with a reader that has stopped reading, the process could then not even
 * exit, measured.) A reader that is gone or does not keep up costs lines, which are counted, and nothing else.
 */
export function openSink(stream: Writable): LineSink {
  let dropped = 0;
  let closed = false;
  if (!stream.listeners('error').includes(ignore)) stream.on('error', ignore);
  stream.once('error', () => {
    closed = true;
  });
  return {
    write(line) {
      if (closed || !stream.writable || stream.writableLength > MAX_BUFFERED_BYTES) dropped++;
      else stream.write(line);
    },
    dropped: () => dropped,
    close() {
      closed = true;
      if (!stream.writable || stream.writableLength === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = systemClock.setTimer(resolve, CLOSE_MS);
        // Called when all before it is written, or failed.
        stream.write('', () => {
          timer.cancel();
          resolve();
        });
      });
    },
  };
}
