import { type ChildProcess, spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A started worker process: its line, which is one end of a pair of sockets without a name, and what it has said before it died. */
export interface WorkerProcess {
  readonly child: ChildProcess;
  readonly line: Duplex;
  /** The end of what it wrote to stderr. */
  lastWords(): string;
}

/** What is kept of its last words, in characters. */
const STDERR_TAIL_CHARS = 2000;
const MAX_WORDS_CHARS = 200;

/**
 * Starts a worker process. It gets nothing of the server's environment: no secrets, no options; the runtime's telemetry is off before
 * it is loaded.
 *
 * @param maxHeapMb limit of its JavaScript heap, in MiB; undefined: Node's own
 * @throws Error where there are no more descriptors, processes or memory for one
 */
export function spawnWorker(entry: URL, maxHeapMb: number | undefined): WorkerProcess {
  const heap = maxHeapMb === undefined ? [] : [`--max-old-space-size=${maxHeapMb}`];
  const child = spawn(process.execPath, [...heap, fileURLToPath(entry)], {
    env: { ORT_DISABLE_TELEMETRY: '1' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  // Of one that could not be started at all; its other reports are followed by its end.
  child.on('error', () => {});
  const line = child.stdio?.[3] as Duplex | null | undefined;
  if (child.pid === undefined || !line) throw new Error('the process could not be started');
  let tail = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    tail = (tail + text).slice(-STDERR_TAIL_CHARS);
  });
  return { child, line, lastWords: () => tail };
}

/** How a process ended, in words, with the line of its last words that says why: pure. */
export function endOf(code: number | null, signal: string | null, lastWords: string): string {
  const how = signal === null ? `the process ended with code ${code}` : `the process was ended by ${signal}`;
  const why = /^(?:FATAL ERROR|\w*Error): .*$/m.exec(lastWords)?.[0].slice(0, MAX_WORDS_CHARS);
  return why === undefined ? how : `${how}: ${why}`;
}
