import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';

/** How often a collector that cannot be reached is told of. */
const EVERY_MS = 60_000;

/** Logs exports that failed: the first, then what has come together since, once a minute. */
export class FailureLog {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #logger: Logger;
  readonly #what: 'traces' | 'metrics';
  #toldAt = Number.NEGATIVE_INFINITY;
  #lost = 0;

  constructor(clock: Pick<Clock, 'now'>, logger: Logger, what: 'traces' | 'metrics' = 'traces') {
    this.#what = what;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @param lost spans that were in it, or 1 for metrics, which are all told anew by the next */
  note(failure: unknown, lost: number): void {
    this.#lost += lost;
    const now = this.#clock.now();
    if (now - this.#toldAt < EVERY_MS) return;
    this.#toldAt = now;
    const why = String((failure as Error | undefined)?.message ?? failure).slice(0, 300);
    const count = this.#what === 'traces' ? { spans: this.#lost } : { exports: this.#lost };
    this.#logger.warn({ why, ...count }, `${this.#what} could not be sent: requests are not affected`);
    this.#lost = 0;
  }
}
