/** What every command's help ends with. */
const EXIT_CODES_HELP = `
Exit codes:
  0   done
  1   failed: the server refused the request, or it went wrong
  2   the command line is not understood
  69  no server can be reached at the address
  78  the configuration is faulty`;

/** Examples under a command's options, and the exit codes. */
export function helpFooter(examples: readonly (readonly [command: string, what: string])[]): string {
  const lines = examples.map(([command, what]) => `  # ${what}\n  ${command}`);
  return `\nExamples:\n${lines.join('\n\n')}\n${EXIT_CODES_HELP}`;
}
