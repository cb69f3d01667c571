/** The part of a structured logger that modules use; a pino logger is one. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** For tests and for embedding without logs. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
