import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';

/** How often a collector that cannot be reached is told of. */
const EVERY_MS = 60_000;

/** Logs exports that failed: the first, then what has come together since, once a minute. */
export class FailureLog {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #logger: Logger;
  #toldAt = Number.NEGATIVE_INFINITY;
  #spans = 0;

  constructor(clock: Pick<Clock, 'now'>, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  note(failure: unknown, spans: number): void {
    this.#spans += spans;
    const now = this.#clock.now();
    if (now - this.#toldAt < EVERY_MS) return;
    this.#toldAt = now;
    const why = String((failure as Error | undefined)?.message ?? failure).slice(0, 300);
    this.#logger.warn({ why, spans: this.#spans }, 'traces could not be sent: requests are not affected');
    this.#spans = 0;
  }
}
