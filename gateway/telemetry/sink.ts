import { destination } from 'pino';

/** Where lines go, each with its line break. */
export interface LineSink {
  /** Never throws and never waits. */
  write(line: string): void;
  dropped(): number;
  close(): void;
}

/** What may wait for a slow reader before lines are dropped. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * Lines to a file descriptor, written in the background. A reader that is gone (EPIPE), that blocks, or a full disk
 * costs lines, which are counted, and nothing else.
 */
export function openSink(fd: number): LineSink {
  let dropped = 0;
  let closed = false;
  const stream = destination({ fd, sync: false, maxLength: MAX_BUFFERED_BYTES });
  stream.on('drop', () => {
    dropped++;
  });
  stream.on('error', () => {
    closed = true;
  });
  return {
    write(line) {
      if (closed) dropped++;
      else stream.write(line);
    },
    dropped: () => dropped,
    close() {
      if (closed) return;
      closed = true;
      try {
        stream.flushSync();
      } catch {
        dropped++;
      }
    },
  };
}
