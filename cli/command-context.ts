import type { ExitCode } from './exit-code.js';
import type { Io } from './io.js';

/**
 * What a command needs of its surroundings. `rest` are the arguments as written after the command's name: `serve` and
 * `config` hand them to the configuration, whose flags commander does not know.
 */
export interface CommandContext {
  readonly io: Io;
  readonly rest: readonly string[];
}

/** Answers a command's exit code to `run`. */
export type Finish = (code: ExitCode) => void;
