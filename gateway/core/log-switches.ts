/** Which lines a logger writes: read by it for every line, and changed while the server runs. */
export interface LogSwitches {
  info: boolean;
  warning: boolean;
  error: boolean;
  /** Above 0, debug lines are written. */
  verboseLevel: number;
}
