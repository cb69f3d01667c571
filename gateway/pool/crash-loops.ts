import type { Clock } from '../core/clock.js';

/** When a version that ends its workers is taken out of service, and for how long. */
export interface CrashLimits {
  /** Workers that it ends within the window without a success in between. @default 5 */
  readonly crashes: number;
  /** How often it may end each worker: more than that of all of them are wanted as well. @default 2 */
  readonly perWorker: number;
  /** @default 30_000 */
  readonly windowMs: number;
  /** Until it is tried again; doubled each time that the trial fails. @default 10_000 */
  readonly pauseMs: number;
  /** @default 300_000 */
  readonly maxPauseMs: number;
}

export const DEFAULT_CRASH_LIMITS: CrashLimits = {
  crashes: 5,
  perWorker: 2,
  windowMs: 30_000,
  pauseMs: 10_000,
  maxPauseMs: 300_000,
};

/** Why a version is not run. */
export interface Quarantine {
  /** Workers that it ended, all in all. */
  readonly crashes: number;
  /** When it is tried again. */
  readonly until: number;
}

interface Version {
  /** When it ended workers, since its last success; no more than matter. */
  recent: number[];
  crashes: number;
  /** Quarantines in a row. */
  rounds: number;
  until: number | undefined;
  /** The worker that tries it, while one does. */
  trial: object | undefined;
}

/**
 * Finds versions that end one worker after the other. Such a version is quarantined, so that the workers are there for the others;
 * after a pause one worker tries it, and it is back when that succeeds. Workers that are killed from outside put no version
 * here that succeeds in between.
 */
export class CrashLoops {
  readonly #clock: Clock;
  readonly #workers: () => number;
  readonly #limits: CrashLimits;
  readonly #versions = new Map<string, Version>();

  /** @param workers how many there are: what ends all of them at once, from outside say, is no loop yet */
  constructor(clock: Clock, workers: () => number, limits: CrashLimits = DEFAULT_CRASH_LIMITS) {
    this.#clock = clock;
    this.#workers = workers;
    this.#limits = limits;
  }

  /** A worker has ended while it loaded or ran this version; whether that put it into quarantine. */
  crashed(key: string): boolean {
    const now = this.#clock.now();
    const { perWorker, windowMs, pauseMs, maxPauseMs } = this.#limits;
    const crashes = Math.max(this.#limits.crashes, perWorker * this.#workers() + 1);
    const version = this.#versions.get(key) ?? newVersion();
    this.#versions.set(key, version);
    version.crashes++;
    version.recent = [...version.recent.filter((at) => at > now - windowMs), now].slice(-crashes);
    const tried = version.trial !== undefined;
    version.trial = undefined;
    if (version.until !== undefined && !tried) return false;
    if (!tried && version.recent.length < crashes) return false;
    version.until = now + Math.min(maxPauseMs, pauseMs * 2 ** Math.min(version.rounds, 20));
    version.rounds++;
    return true;
  }

  /** It was loaded or run without harm; whether that ended its quarantine. */
  succeeded(key: string): boolean {
    if (this.#versions.size === 0) return false;
    const version = this.#versions.get(key);
    // A run that had begun before says nothing of those that came after.
    if (version === undefined || (version.until !== undefined && version.trial === undefined)) return false;
    this.#versions.delete(key);
    return version.until !== undefined;
  }

  /** Why it is not run; undefined when it is, a trial included. */
  quarantine(key: string): Quarantine | undefined {
    if (this.#versions.size === 0) return undefined;
    const version = this.#versions.get(key);
    if (version?.until === undefined || version.trial !== undefined) return undefined;
    return { crashes: version.crashes, until: version.until };
  }

  /** The worker that tries it, the only one that may run it; undefined when no trial is under way. */
  trialOf(key: string): object | undefined {
    return this.#versions.size === 0 ? undefined : this.#versions.get(key)?.trial;
  }

  /** Whether any version has ended a worker since its last success. */
  get any(): boolean {
    return this.#versions.size > 0;
  }

  /** Versions in quarantine, trials included. */
  get quarantined(): readonly string[] {
    return [...this.#versions].filter(([, { until }]) => until !== undefined).map(([key]) => key);
  }

  /** Lets one worker try it. */
  begin(key: string, worker: object): void {
    const version = this.#versions.get(key);
    if (version?.until !== undefined) version.trial = worker;
  }

  /** The trial came to nothing: its worker has ended for another reason, or is not in rotation. */
  giveUp(key: string): void {
    const version = this.#versions.get(key);
    if (version !== undefined) version.trial = undefined;
  }

  /** It is no longer hosted. */
  forget(key: string): void {
    this.#versions.delete(key);
  }
}

function newVersion(): Version {
  return { recent: [], crashes: 0, rounds: 0, until: undefined, trial: undefined };
}
