import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';

/** How long a look at the repositories may take before people are told of it: a network file system that is gone never answers. */
export const LATE_LOOK_MS = 30_000;

/**
 * Looks on behalf of calls: one that has no answer in time is UNAVAILABLE, and so are those that come while it hangs. It is left
 * to hang, since nothing can end it; a second beside it would take another of the few threads for files.
 */
export class PatientLook<A, T> {
  readonly #look: (asked: A) => Promise<T>;
  readonly #clock: Clock;
  #hangsSince: number | undefined;

  constructor(look: (asked: A) => Promise<T>, clock: Clock) {
    this.#look = look;
    this.#clock = clock;
  }

  /** Rejects with UNAVAILABLE where the repositories do not answer, else as the look does. */
  async take(asked: A): Promise<T> {
    if (this.#hangsSince !== undefined) throw noAnswer(this.#clock.now() - this.#hangsSince);
    const begun = this.#clock.now();
    const done = this.#look(asked);
    return new Promise<T>((resolve, reject) => {
      const timer = this.#clock.setTimer(() => {
        this.#hangsSince = begun;
        reject(noAnswer(LATE_LOOK_MS));
      }, LATE_LOOK_MS);
      const end = (): void => {
        timer.cancel();
        this.#hangsSince = undefined;
      };
      done.finally(end).then(resolve, reject);
    });
  }
}

function noAnswer(forMs: number): GatewayError {
  const message = `the repositories have not answered for ${Math.round(forMs / 1000)} s: does their file system hang? What is served is served on`;
  return new GatewayError('UNAVAILABLE', message, { reason: 'model_error', retryAfterMs: 5_000 });
}
