import { SluiceClientError, type StatusName } from '../client/client.js';
import { CliError, EXIT, type ExitCode } from './exit-code.js';
import { type Io, printable } from './io.js';

const HINTS: Readonly<Partial<Record<StatusName, string>>> = {
  UNAUTHENTICATED: '--token-file names a file that holds a token; SLUICE_TOKEN is one.',
};

/** Prints what went wrong on standard error, as text or as one line of JSON, and answers the exit code. */
export function report(thrown: unknown, json: boolean, io: Io): ExitCode {
  const error = toCliError(thrown);
  if (json) {
    const detail =
      thrown instanceof SluiceClientError ? thrown.toJSON() : { code: error.code, message: error.message };
    io.err(`${JSON.stringify({ error: { ...detail, message: error.message } })}\n`);
  } else {
    io.err(`sluice: ${printable(error.message)}\n`);
    if (error.hint !== undefined) io.err(`${printable(error.hint)}\n`);
  }
  return error.exitCode;
}

function toCliError(thrown: unknown): CliError {
  if (thrown instanceof CliError) return thrown;
  if (thrown instanceof SluiceClientError) {
    if (!thrown.unreachable)
      return new CliError(EXIT.failed, thrown.code, withCode(thrown), HINTS[thrown.code]);
    // It is there: they only do not understand each other.
    const hint = /\bTLS\b|certificate/.test(thrown.message)
      ? undefined
      : 'Is the server running there? `sluice serve <model repository>` starts one; --address names another.';
    return new CliError(EXIT.unreachable, thrown.code, thrown.message, hint);
  }
  if (thrown instanceof Error) return new CliError(EXIT.failed, 'INTERNAL', thrown.message);
  return new CliError(EXIT.failed, 'INTERNAL', String(thrown));
}

/** `INVALID_ARGUMENT: …`, with the time to wait where the server named one. */
function withCode({ code, message, retryAfterMs }: SluiceClientError): string {
  const retry = retryAfterMs === undefined ? '' : ` (try again in ${retryAfterMs} ms)`;
  return `${code}: ${message}${retry}`;
}
