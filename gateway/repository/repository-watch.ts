import { isDeepStrictEqual } from 'node:util';
import type { Clock, TimerHandle } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Found } from './found.js';
import { LATE_LOOK_MS } from './patient-look.js';
import { settleFound } from './settle-found.js';

export interface RepositoryWatchOptions {
  /** Looks at everything once; never rejects. */
  readonly scan: () => Promise<Found>;
  /** Takes what should be served from now on. */
  readonly aspire: (found: Found) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** From the end of one look to the next. */
  readonly pollMs: number;
  /** To the next look while files are on the move. @default 1000, at most `pollMs` */
  readonly confirmMs?: number;
}

/**
 * Looks at the repositories again and again, and hands on what has come to rest. By polling alone: a notice from the kernel says
 * nothing on network file systems, and where it does, two looks must agree all the same. One look at a time, so that
 * a file system that hangs costs no more than the watch.
 */
export class RepositoryWatch {
  readonly #options: RepositoryWatchOptions;
  #last: Found;
  #current: Found;
  #timer: TimerHandle | undefined;
  #closed = false;

  /** @param first what was found at start, and is aspired already */
  constructor(options: RepositoryWatchOptions, first: Found) {
    this.#options = options;
    this.#last = this.#current = first;
  }

  start(): void {
    this.#wait(this.#options.pollMs);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #wait(delayMs: number): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.setTimer(() => void this.#look(), delayMs, { unref: true });
  }

  async #look(): Promise<void> {
    const { scan, aspire, clock, logger, pollMs, confirmMs = 1000 } = this.#options;
    let moving = false;
    const tell = () =>
      logger.warn({ forMs: LATE_LOOK_MS }, 'The repositories do not answer: what is served is served on');
    const late = clock.setTimer(tell, LATE_LOOK_MS, { unref: true });
    try {
      const now = await scan();
      if (this.#closed) return;
      const settled = settleFound(now, this.#last, this.#current);
      this.#last = now;
      moving = settled.moving;
      if (!isDeepStrictEqual(settled.found, this.#current)) {
        this.#current = settled.found;
        aspire(settled.found);
      }
    } catch (err) {
      logger.error({ err }, 'The repositories could not be looked at: tried again');
    } finally {
      late.cancel();
    }
    this.#wait(moving ? Math.min(confirmMs, pollMs) : pollMs);
  }
}
