import { quote } from '../core/error.js';
import { nearest } from '../core/nearest.js';

/** One fault of the configuration. */
export interface Problem {
  /** The setting, e.g. `grpc.port`, or what else is at fault: a flag, the file. */
  readonly path: string;
  /** Where it was given: `flag --grpc-port`, `environment SLUICE_GRPC_PORT`, `file sluice.yaml:3:9`. */
  readonly source: string;
  /** What is wrong and what is wanted. */
  readonly message: string;
  /** What was probably meant. */
  readonly hint?: string;
}

/** All faults of a configuration at once. Whoever runs the server answers it with exit code 78. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const count = problems.length === 1 ? 'One fault' : `${problems.length} faults`;
    super(
      `${count} in the configuration:\n${problems.map((problem) => `  - ${describe(problem)}`).join('\n')}`,
    );
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

function describe({ path, source, message, hint }: Problem): string {
  // A message that names it (a repository's path) need not say it twice.
  const where = message.includes(source) ? '' : ` (${source})`;
  return `${path}: ${message}${where}${hint === undefined ? '' : `. ${hint}`}`;
}

/** A value for a message: short, on one line, quoted. */
export function show(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (value === undefined) return 'nothing';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

/** `Did you mean 'grpc.port'?` where one of the names is near; else undefined. */
export function didYouMean(given: string, names: readonly string[]): string | undefined {
  const near = nearest(given, names);
  return near === undefined ? undefined : `Did you mean ${quote(near)}?`;
}
