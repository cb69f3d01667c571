/** What the process answers to the shell. 69 and 78 are EX_UNAVAILABLE and EX_CONFIG of sysexits.h. */
export const EXIT = { ok: 0, failed: 1, usage: 2, unreachable: 69, configuration: 78 } as const;

/** One of EXIT's codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure that a command has already put into words for the user. */
export class CliError extends Error {
  readonly exitCode: ExitCode;
  /** What may help, printed after the message; left out of `--json`. */
  readonly hint: string | undefined;
  /** A machine-readable cause for `--json`: a gRPC status name, USAGE or CONFIGURATION. */
  readonly code: string;

  constructor(exitCode: ExitCode, code: string, message: string, hint?: string) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
    this.code = code;
    this.hint = hint;
  }
}

/** The command line itself is wrong. */
export function usageError(message: string, hint?: string): CliError {
  return new CliError(EXIT.usage, 'USAGE', message, hint);
}
