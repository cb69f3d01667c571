import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

/** What a command reads and writes; tests give their own. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Text of a file; `-` is standard input. Rejects as `readFile` does. */
  readText(path: string): Promise<string>;
  /** Width of the terminal, for help texts. */
  readonly columns: number;
  /** Whether standard error is a terminal, where a line may be redrawn. @default false */
  readonly errIsTerminal?: boolean;
  /** The terminal that standard output is; undefined where it is none. @default none */
  readonly terminal?: Terminal | undefined;
  /** Calls back when the command is asked to end (Ctrl-C, SIGTERM), until the answer is called. @default never */
  onInterrupt?(listener: () => void): () => void;
}

/** A terminal that can be drawn on. */
export interface Terminal {
  /** Its present size, in characters. */
  size(): { readonly columns: number; readonly rows: number };
  /** Calls back with each key that is pressed, unechoed, until the answer is called; Ctrl-C comes as `\x03`, and ends nothing by itself. */
  onKey(listener: (key: string) => void): () => void;
}

/** The process's own input and output. */
export function systemIo(): Io {
  return {
    out: (chunk) => void process.stdout.write(chunk),
    err: (chunk) => void process.stderr.write(chunk),
    readText: (path) => (path === '-' ? text(process.stdin) : readFile(path, 'utf8')),
    columns: process.stdout.columns ?? 100,
    errIsTerminal: process.stderr.isTTY === true,
    terminal: process.stdout.isTTY === true ? systemTerminal : undefined,
    onInterrupt(listener) {
      for (const signal of ENDING) process.on(signal, listener);
      return () => {
        for (const signal of ENDING) process.off(signal, listener);
      };
    },
  };
}

const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const systemTerminal: Terminal = {
  size: () => ({ columns: process.stdout.columns ?? 100, rows: process.stdout.rows ?? 30 }),
  onKey(listener) {
    const { stdin } = process;
    if (stdin.isTTY !== true) return () => {};
    const onData = (chunk: Buffer): void => listener(chunk.toString('latin1'));
    stdin.setRawMode(true).on('data', onData).resume();
    return () => void stdin.off('data', onData).setRawMode(false).pause();
  },
};

/** `sluice models | head`: when the reader goes away, end in silence instead of with a stack trace. */
export function guardStdout(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    throw error;
  });
}

/** Makes a server's text safe for a terminal: no control characters, so no escape sequences either. */
export function printable(text: string): string {
  return text
    .toWellFormed()
    .replace(/\p{Cc}/gu, (c) =>
      c === '\n' || c === '\t' ? c : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}
