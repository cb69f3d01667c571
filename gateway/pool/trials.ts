import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { CrashLoops } from './crash-loops.js';
import type { Loader } from './loader.js';
import type { Slot } from './slot.js';

export interface TrialsOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly crashLoops: CrashLoops;
  readonly loader: Loader;
  readonly slots: () => readonly Slot[];
  /** Called when something may be run that could not, or is to be failed that could. */
  readonly onChange: () => void;
}

/** Until a trial is begun when no worker is there for it. */
const TRY_AGAIN_MS = 1000;

/** Lets versions out of quarantine: when its pause is over, one worker tries such a version; after a success all have it again. */
export class Trials {
  readonly #options: TrialsOptions;
  readonly #timers = new Map<string, TimerHandle>();
  /** Versions that a worker loads for its trial: what comes of it is for the load to say. */
  readonly #loading = new Set<string>();
  #closed = false;

  constructor(options: TrialsOptions) {
    this.#options = options;
  }

  /** A version was quarantined, or is back. */
  readonly onQuarantine = (key: string): void => {
    const { clock, logger, crashLoops, onChange } = this.#options;
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    const quarantine = crashLoops.quarantine(key);
    if (quarantine === undefined) {
      logger.warn({ key }, 'a version is back from its quarantine');
      void this.#spread(key);
    } else {
      const { crashes, until } = quarantine;
      const pauseMs = Math.max(0, until - clock.now());
      logger.error({ key, crashes, pauseMs }, 'a version ends one worker after the other: it is quarantined');
      this.#tryIn(key, pauseMs);
    }
    onChange();
  };

  /** To be called when slots have changed: a trial whose worker has gone is given up, and begun anew. */
  check(): void {
    const { crashLoops } = this.#options;
    for (const key of crashLoops.quarantined) {
      const trial = crashLoops.trialOf(key);
      if (trial === undefined || this.#loading.has(key) || this.#slotOf(trial)?.live) continue;
      crashLoops.giveUp(key);
      this.#tryIn(key, TRY_AGAIN_MS);
    }
  }

  /** It was loaded anew, from another file say: what it did before counts no more. */
  renewed(key: string): void {
    const { crashLoops } = this.#options;
    const wasOut = crashLoops.quarantined.includes(key);
    crashLoops.forget(key);
    if (wasOut) this.onQuarantine(key);
  }

  /** It is no longer hosted. */
  forget(key: string): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    this.#options.crashLoops.forget(key);
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #slotOf(worker: object): Slot | undefined {
    return this.#options.slots().find((slot) => slot.worker === worker);
  }

  #tryIn(key: string, delayMs: number): void {
    if (this.#closed) return;
    this.#timers.get(key)?.cancel();
    this.#timers.set(
      key,
      this.#options.clock.setTimer(() => void this.#try(key), delayMs),
    );
  }

  async #try(key: string): Promise<void> {
    const { crashLoops, loader, logger, onChange } = this.#options;
    this.#timers.delete(key);
    await loader.exclusive(async () => {
      const manifest = loader.hosted.get(key);
      if (manifest === undefined || this.#closed) return;
      const slot = this.#options.slots().find(({ live }) => live);
      if (slot?.worker === undefined) {
        this.#tryIn(key, TRY_AGAIN_MS);
        return;
      }
      logger.info({ key, slot: slot.index }, 'a version in quarantine is tried');
      crashLoops.begin(key, slot.worker);
      this.#loading.add(key);
      try {
        await slot.load(manifest);
      } catch (error) {
        logger.warn({ key, err: GatewayError.from(error) }, 'a version in quarantine fails to load');
        if (crashLoops.crashed(key)) this.onQuarantine(key);
      } finally {
        this.#loading.delete(key);
      }
      this.check();
    });
    onChange();
  }

  /** Loads it on the workers that came up while it was in quarantine. */
  #spread(key: string): Promise<void> {
    const { loader, logger } = this.#options;
    return loader.exclusive(async () => {
      for (const slot of this.#options.slots()) {
        const manifest = loader.hosted.get(key);
        if (manifest === undefined || slot.holds(key, manifest)) continue;
        await slot
          .load(manifest)
          .catch((err: unknown) => logger.warn({ key, slot: slot.index, err }, 'a version fails to load'));
      }
    });
  }
}
