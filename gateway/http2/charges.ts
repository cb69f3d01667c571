import type { Clock } from '../core/clock.js';
import { Allowance } from './allowance.js';
import { ConnectionError } from './errors.js';
import { H2_ERROR } from './frames.js';

/** Frames that bring nothing (PING, SETTINGS, PRIORITY, empty DATA): more than any honest peer sends. */
const IDLE_FRAMES = { burst: 20_000, perSecond: 5_000 };
/**
 * Streams that end in a reset, by either side's doing. Each that was answered allows for another, so that a client whose deadlines
 * are short is not taken for an attacker.
 */
const RESETS = { burst: 2000, perSecond: 500 };

/** What a connection's peer has used up of what it may cost us for nothing. Throws a ConnectionError when it is too much. */
export class Charges {
  readonly #clock: Clock;
  readonly #idleFrames: Allowance;
  readonly #resets: Allowance;

  constructor(clock: Clock) {
    this.#clock = clock;
    const now = clock.now();
    this.#idleFrames = new Allowance(IDLE_FRAMES.burst, IDLE_FRAMES.perSecond, now);
    this.#resets = new Allowance(RESETS.burst, RESETS.perSecond, now);
  }

  idleFrame(): void {
    if (!this.#idleFrames.take(this.#clock))
      throw new ConnectionError(H2_ERROR.enhanceYourCalm, 'too many frames that bring nothing');
  }

  /** A stream was answered to its end. */
  answered(): void {
    this.#resets.earn(1);
  }

  /** "Rapid reset", and its twin in which the peer makes us reset. */
  reset(): void {
    if (!this.#resets.take(this.#clock))
      throw new ConnectionError(H2_ERROR.enhanceYourCalm, 'too many streams end in a reset');
  }
}
