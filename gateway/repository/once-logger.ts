import type { Logger } from '../core/logger.js';

/** A logger for looks that repeat: says what the look before has not said. `next` begins a look. */
export class OnceLogger implements Logger {
  readonly #logger: Logger;
  #before = new Set<string>();
  #said = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  next(): void {
    this.#before = this.#said;
    this.#said = new Set();
  }

  debug(fields: object, message: string): void {
    this.#say('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#say('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#say('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#say('error', fields, message);
  }

  #say(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string): void {
    const line = `${level} ${message} ${JSON.stringify(fields)}`;
    this.#said.add(line);
    if (!this.#before.has(line)) this.#logger[level](fields, message);
  }
}
