import type { ModelHost, OpenChannel } from '../core/channel.js';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import type { Recorder } from '../core/recorder.js';
import { type BackOff, DEFAULT_BACK_OFF } from './back-off.js';
import { type HangLimits, HangWatch } from './hang-watch.js';
import { Slot } from './slot.js';
import type { SlotState } from './slot-state.js';

export interface PoolOptions {
  /** Number of workers, at least 1. */
  readonly slots: number;
  readonly open: OpenChannel;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly recorder: Pick<Recorder, 'workerLost'>;
  /** @default DEFAULT_BACK_OFF */
  readonly backOff?: BackOff;
  /** How long a load waits for a worker while none is in rotation. @default 120_000 */
  readonly loadTimeoutMs?: number;
  /** @default DEFAULT_HANG_LIMITS */
  readonly hang?: HangLimits;
  /** How long all workers may be wedged before the pool is `lost`. @default 5_000 */
  readonly wedgedMs?: number;
}

/** One line of the pool's status. */
export interface SlotStatus {
  readonly index: number;
  readonly state: SlotState;
  /** Batches that its worker has been sent and has not answered. */
  readonly outstanding: number;
  /** Model versions that its worker holds. */
  readonly loaded: number;
  readonly restarts: number;
  /** Whether its worker was given up and is still there. */
  readonly wedged: boolean;
  /** Of a worker that is a process of its own. */
  readonly pid: number | undefined;
}

/** How often a load begins anew because every worker ended before it came to it. */
const MAX_LOAD_ROUNDS = 3;

interface Waiter {
  readonly settle: (error: GatewayError | undefined) => void;
}

/** The workers, and where each model version lives: on all of them. */
export class Pool implements ModelHost {
  readonly slots: readonly Slot[];
  readonly #options: PoolOptions;
  readonly #hosted = new Map<string, Manifest>();
  readonly #waiters = new Map<string, Waiter>();
  readonly #readyListeners = new Set<(ready: number) => void>();
  readonly #watch: HangWatch;
  #onFree: () => void = () => {};
  #onLost: () => void = () => {};
  #lost = false;
  #wedgedTimer: TimerHandle | undefined;
  #ready = 0;
  #closed = false;
  #tail: Promise<void> = Promise.resolve();

  constructor(options: PoolOptions) {
    this.#options = options;
    const { open, clock, random, logger, recorder, backOff = DEFAULT_BACK_OFF } = options;
    this.#watch = new HangWatch(clock, () => this.slots, options.hang);
    this.slots = Array.from(
      { length: options.slots },
      (_, index) =>
        new Slot({
          index,
          open,
          clock,
          random,
          logger,
          recorder,
          backOff,
          hosted: this.#hosted,
          onChange: this.#onChange,
          onWarmed: (key, error) => this.#waiters.get(key)?.settle(error),
        }),
    );
  }

  /** Slots in rotation. */
  get ready(): number {
    return this.#ready;
  }

  /** In how many milliseconds the first worker in rotation is free, as predicted; 0 when there is none. */
  freeInMs(now: number): number {
    let least = Number.POSITIVE_INFINITY;
    for (const slot of this.slots) {
      if (!slot.live) continue;
      least = Math.min(least, slot.freeInMs(now));
      if (least === 0) return 0;
    }
    return least === Number.POSITIVE_INFINITY ? 0 : least;
  }

  /** Starts the workers, all at once. Resolves when each is ready or has failed once; failed ones go on trying. */
  async start(): Promise<void> {
    await Promise.all(this.slots.map((slot) => slot.start()));
  }

  /** Called whenever a slot may have become free. One listener: the dispatcher. */
  set onFree(listener: () => void) {
    this.#onFree = listener;
  }

  /** Calls `listener` with the number of slots in rotation whenever it changes; returns the way to stop it. */
  onReadyChange(listener: (ready: number) => void): () => void {
    this.#readyListeners.add(listener);
    return () => void this.#readyListeners.delete(listener);
  }

  /** Whether every worker is wedged, and has been for a while: only a new process will run anything again. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Called once, when the pool is lost. One listener. */
  set onLost(listener: () => void) {
    this.#onLost = listener;
  }

  status(): SlotStatus[] {
    return this.slots.map((slot) => ({
      index: slot.index,
      state: slot.state,
      outstanding: slot.outstanding,
      loaded: slot.loadedCount,
      restarts: slot.restarts,
      wedged: slot.wedged,
      pid: slot.pid,
    }));
  }

  /**
   * Loads a version on every worker in rotation, one after the other, since a load blocks its thread. Workers that come
   * up later load it before they join. All or nothing: after a failure no worker holds it, or each the former one of the
   * same key. Rejects with FAILED_PRECONDITION (the model's doing), or UNAVAILABLE when no worker came up in time.
   */
  load(manifest: Manifest): Promise<void> {
    return this.#exclusive(() => this.#load(manifest));
  }

  unload(key: string): Promise<void> {
    return this.#exclusive(async () => {
      this.#hosted.delete(key);
      await Promise.all(this.slots.map((slot) => slot.unload(key)));
    });
  }

  /**
   * Ends all workers after what they were given. Resolves when they are gone, or after `timeoutMs`, with the number of
   * workers that are not: wedged inside a run, which nothing but the end of the process ends.
   */
  async close(timeoutMs: number): Promise<number> {
    this.#closed = true;
    this.#watch.stop();
    this.#wedgedTimer?.cancel();
    for (const waiter of [...this.#waiters.values()]) waiter.settle(closedError());
    let left = this.slots.length;
    const stopped = this.slots.map((slot) =>
      slot.stop().then(() => {
        left--;
      }),
    );
    let cancel = (): void => {};
    const timeout = new Promise<void>((resolve) => {
      cancel = this.#options.clock.setTimer(resolve, timeoutMs).cancel;
    });
    await Promise.race([Promise.all(stopped), timeout]);
    cancel();
    return left;
  }

  async #load(manifest: Manifest): Promise<void> {
    if (this.#closed) throw closedError();
    const key = versionKey(manifest);
    const former = this.#hosted.get(key);
    // First of all, so that a worker that comes up meanwhile takes it too.
    this.#hosted.set(key, manifest);
    try {
      const held = (): boolean => this.slots.some((slot) => slot.holds(key, manifest));
      let rounds = 0;
      do {
        // Nothing is awaited between the look at the slots and the waiter, so that no worker's word is missed.
        if (!this.slots.some((slot) => slot.live)) await this.#firstHolder(key);
        for (const slot of this.slots) if (!slot.holds(key, manifest)) await slot.load(manifest);
      } while (!held() && ++rounds < MAX_LOAD_ROUNDS);
      if (!held())
        throw new GatewayError('UNAVAILABLE', 'all workers ended meanwhile', { reason: 'worker_fault' });
    } catch (error) {
      await this.#rollBack(key, manifest, former);
      const { code, message, details } = GatewayError.from(error);
      if (code !== 'UNAVAILABLE' || details.reason !== 'worker_fault') throw error;
      // A worker that dies while it loads a version most likely dies of it: it costs this version, not the others.
      throw new GatewayError('FAILED_PRECONDITION', `failed to load ${quote(key)}: ${message}`, {
        reason: 'worker_fault',
        cause: error,
      });
    }
  }

  async #rollBack(key: string, manifest: Manifest, former: Manifest | undefined): Promise<void> {
    if (former === undefined) this.#hosted.delete(key);
    else this.#hosted.set(key, former);
    for (const slot of this.slots) {
      if (!slot.holds(key, manifest)) continue;
      if (former === undefined) await slot.unload(key);
      else await slot.load(former).catch(() => slot.unload(key));
    }
  }

  /** Waits until the first worker that comes up has loaded it, or failed to. */
  #firstHolder(key: string): Promise<void> {
    const { clock, loadTimeoutMs = 120_000 } = this.#options;
    return new Promise((resolve, reject) => {
      const settle = (error: GatewayError | undefined): void => {
        timer.cancel();
        this.#waiters.delete(key);
        if (error === undefined) resolve();
        else reject(error);
      };
      const timer = clock.setTimer(() => {
        const message = `failed to load ${quote(key)}: no worker came up within ${loadTimeoutMs} ms`;
        settle(new GatewayError('UNAVAILABLE', message, { reason: 'no_worker' }));
      }, loadTimeoutMs);
      this.#waiters.set(key, { settle });
    });
  }

  /** One load or unload at a time: a load blocks its worker, and loads in turn leave the others free. */
  #exclusive(work: () => Promise<void>): Promise<void> {
    const result = this.#tail.then(work);
    this.#tail = result.catch(() => {});
    return result;
  }

  readonly #onChange = (): void => {
    let ready = 0;
    for (const slot of this.slots) if (slot.live) ready++;
    if (ready !== this.#ready) {
      this.#ready = ready;
      for (const listener of this.#readyListeners) listener(ready);
    }
    this.#watch.notice();
    this.#noticeWedged();
    this.#onFree();
  };

  /** A run that comes back after all brings its slot back, so that nothing is lost until all have been wedged for a while. */
  #noticeWedged(): void {
    const wedged = !this.#closed && this.slots.every((slot) => slot.wedged);
    if (!wedged) {
      this.#wedgedTimer?.cancel();
      this.#wedgedTimer = undefined;
      return;
    }
    this.#wedgedTimer ??= this.#options.clock.setTimer(() => {
      this.#lost = true;
      this.#onLost();
    }, this.#options.wedgedMs ?? 5_000);
  }
}

function closedError(): GatewayError {
  return new GatewayError('UNAVAILABLE', 'the server is shutting down', { reason: 'draining' });
}
