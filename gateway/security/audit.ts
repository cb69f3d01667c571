import type { ChangeLine, ChangeLog } from '../core/access.js';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';

/** Lines of refused calls within one second; of more only their number is told, since any client can cause them. */
const MAX_REFUSALS_PER_SEC = 10;

/** Of whom, what and from where a line tells. Never a token. */
export type RefusedLine = Omit<ChangeLine, 'what' | 'outcome'>;

/** One line for each call that changes the server, or would have. */
export class Audit implements ChangeLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #second = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #untold = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  changed(line: ChangeLine): void {
    this.#logger.info({ ...line }, 'audit: a call that changes the server');
  }

  refused(line: RefusedLine): void {
    const second = Math.floor(this.#clock.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#lines = 0;
    }
    if (this.#lines >= MAX_REFUSALS_PER_SEC) {
      this.#untold++;
      return;
    }
    this.#lines++;
    const untold = this.#untold === 0 ? {} : { untold: this.#untold };
    this.#untold = 0;
    this.#logger.warn({ ...line, ...untold }, 'audit: a call that changes the server was refused');
  }
}
