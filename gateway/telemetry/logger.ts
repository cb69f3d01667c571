import { createRequire } from 'node:module';
import { pino, stdTimeFunctions } from 'pino';
import type { LogSwitches } from '../core/log-switches.js';
import type { Logger } from '../core/logger.js';
import { bounded, cut } from './bounded.js';
import { type LineSink, openSink } from './sink.js';

/** Loaded where somebody reads along; a server whose lines are JSON starts without it. */
const loadPretty = (): typeof import('pino-pretty') =>
  createRequire(import.meta.url)('pino-pretty') as typeof import('pino-pretty');

export interface LoggerOptions {
  /** The least serious lines to write. @default 'info' */
  readonly level?: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** `auto`: pretty on a terminal, one JSON object a line elsewhere. @default 'auto' */
  readonly format?: 'auto' | 'json' | 'pretty';
  /** Where lines go. @default standard output */
  readonly sink?: LineSink;
  /** Whether they go to a terminal: decides `auto`. @default whether standard output is one */
  readonly isTerminal?: boolean;
}

/** A Logger, and what its owner does with it. */
export interface LogOutput {
  readonly logger: Logger;
  /** Which lines are written, to be changed at any time; as `level` has it at first. */
  readonly switches: LogSwitches;
  /** Lines given up because the output was closed or did not keep up. */
  dropped(): number;
  /**
   * To be awaited before the process exits, or its last lines may be lost: lines after it are dropped, those before it
   * are written. Resolves within half a second, whatever the reader does.
   */
  close(): Promise<void>;
}

/**
 * A structured logger that never throws, never blocks on a slow reader and writes no line of unbounded length.
 * The request's id goes into the field `requestId`, an error into `err`.
 */
export function createLogger(options: LoggerOptions = {}): LogOutput {
  const { level = 'info', format = 'auto', isTerminal = process.stdout.isTTY === true } = options;
  const pretty = format === 'pretty' || (format === 'auto' && isTerminal);
  const sink = options.sink ?? openSink(process.stdout);
  // Formatting in this thread, line by line: pino's transports would each start a thread.
  const prettify = pretty
    ? loadPretty().prettyFactory({ colorize: isTerminal, translateTime: 'SYS:HH:MM:ss.l', singleLine: true })
    : undefined;
  let failed = 0;
  const write = (line: string): void =>
    sink.write(prettify === undefined ? line : prettify(JSON.parse(line, visible)));
  const lines = pino(
    {
      // The switches decide, line by line.
      level: 'debug',
      base: null,
      // Errors come in already flattened: pino's own serializer would take them for plain objects.
      serializers: { err: (err: unknown) => err },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  );
  const switches = switchesOf(level);
  const method =
    (name: keyof Logger, enabled: () => boolean) =>
    (fields: object, message: string): void => {
      if (!enabled()) return;
      try {
        lines[name](fields instanceof Error ? { err: bounded(fields) } : bounded(fields), cut(message));
      } catch {
        // A getter that throws, say: a log line is never worth a request.
        failed++;
      }
    };
  return {
    logger: {
      debug: method('debug', () => switches.verboseLevel > 0),
      info: method('info', () => switches.info),
      warn: method('warn', () => switches.warning),
      error: method('error', () => switches.error),
    },
    switches,
    dropped: () => failed + sink.dropped(),
    close: () => sink.close(),
  };
}

/** A level as switches: itself and all that is more serious. */
function switchesOf(level: NonNullable<LoggerOptions['level']>): LogSwitches {
  const from = ['debug', 'info', 'warn', 'error', 'silent'].indexOf(level);
  return { verboseLevel: from <= 0 ? 1 : 0, info: from <= 1, warning: from <= 2, error: from <= 3 };
}

/**
 * JSON escapes control characters by itself; on a terminal, client text in a field could move the cursor or fake a
 * line. Only stacks keep their line breaks.
 */
function visible(key: string, value: unknown): unknown {
  if (typeof value !== 'string') return value;
  return value.replace(/\p{Cc}/gu, (char) =>
    char === '\n' && key === 'stack' ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
