import type { Occupation } from '../core/channel.js';
import type { Clock, TimerHandle } from '../core/clock.js';

/** A place whose worker may hang, as the watch sees it: a slot. */
export interface Watched {
  /** Whether its worker was asked for something that it has not answered: it may be in it, or about to be. */
  readonly busy: boolean;
  /** What its worker says that it is in the midst of; undefined when idle, dead or given up. */
  readonly occupation: Occupation | undefined;
  /** What it was asked for and has not answered, and since when it has had nothing before that to do. */
  readonly asked: Occupation;
  /** How long that is predicted to take, in milliseconds; undefined where nothing is known. */
  readonly expectedMs: number | undefined;
  /** Whether it is a run; else it is a load, which is given more time. */
  readonly running: boolean;
  abandon(reason: string): void;
}

export interface HangLimits {
  /** Least limit of a run. @default 1000 */
  readonly timeoutMs: number;
  /** The limit of a run in predicted times, where that is longer. @default 5 */
  readonly factor: number;
  /** Limit of a run of which nothing is known, and of a load. @default 120_000 */
  readonly unknownMs: number;
}

export const DEFAULT_HANG_LIMITS: HangLimits = { timeoutMs: 1000, factor: 5, unknownMs: 120_000 };

/** How often is looked. */
const LOOK_EVERY_MS = 100;

/** How long what a worker is in may take, in milliseconds: pure. */
export function hangLimitMs(
  { running, expectedMs }: Pick<Watched, 'running' | 'expectedMs'>,
  { timeoutMs, factor, unknownMs }: HangLimits,
): number {
  if (!running || expectedMs === undefined) return Math.max(timeoutMs, unknownMs);
  return Math.max(timeoutMs, factor * expectedMs);
}

/**
 * Gives up workers that are in one thing for longer than its limit. By what the workers themselves say (no pings, which a
 * worker in a run could not answer), and by two looks with time between them: after this thread has stood still, the answers that came
 * meanwhile are read first.
 */
export class HangWatch {
  readonly #clock: Clock;
  readonly #limits: HangLimits;
  readonly #slots: () => readonly Watched[];
  /** What was over its limit at the last look. */
  #suspects = new Map<Watched, number>();
  #timer: TimerHandle | undefined;
  #stopped = false;

  constructor(clock: Clock, slots: () => readonly Watched[], limits: HangLimits = DEFAULT_HANG_LIMITS) {
    this.#clock = clock;
    this.#slots = slots;
    this.#limits = limits;
  }

  /** To be called when a worker may have been asked for something. */
  notice(): void {
    if (this.#timer !== undefined || this.#stopped || !this.#slots().some(({ busy }) => busy)) return;
    this.#timer = this.#clock.setTimer(this.#look, LOOK_EVERY_MS, { unref: true });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const now = this.#clock.now();
    const suspects = new Map<Watched, number>();
    for (const slot of this.#slots()) {
      if (!slot.busy) continue;
      // A worker that was stopped while it was idle never says that it has begun.
      const occupation = slot.occupation ?? slot.asked;
      const limitMs = hangLimitMs(slot, this.#limits);
      const forMs = now - occupation.startedAt;
      if (forMs <= limitMs) continue;
      if (this.#suspects.get(slot) !== occupation.id) suspects.set(slot, occupation.id);
      else slot.abandon(`it hangs: ${textOf(slot, forMs, limitMs)}`);
    }
    this.#suspects = suspects;
    this.notice();
  };
}

function textOf({ running, expectedMs }: Watched, forMs: number, limitMs: number): string {
  const what = running ? 'a run' : 'a load';
  const wanted = running && expectedMs !== undefined ? ` (${expectedMs.toFixed(1)} ms were predicted)` : '';
  return `${what} has taken ${forMs.toFixed(0)} ms, at most ${limitMs.toFixed(0)} are allowed${wanted}`;
}
