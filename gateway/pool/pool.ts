import type { ModelHost, OpenChannel } from '../core/channel.js';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import type { Recorder } from '../core/recorder.js';
import { type BackOff, DEFAULT_BACK_OFF } from './back-off.js';
import { type CrashLimits, CrashLoops } from './crash-loops.js';
import { type HangLimits, HangWatch } from './hang-watch.js';
import { Loader } from './loader.js';
import { Slot } from './slot.js';
import type { SlotState } from './slot-state.js';
import { relieve } from './standby.js';
import { Trials } from './trials.js';

export interface PoolOptions {
  /** Number of workers in rotation, at least 1. */
  readonly slots: number;
  /** Workers beyond these that are kept warm, to take the place of one that fails. @default 0 */
  readonly spares?: number;
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
  /** @default DEFAULT_CRASH_LIMITS */
  readonly crashes?: CrashLimits;
  /** @default DEFAULT_HANG_LIMITS */
  readonly hang?: HangLimits;
  /** How long all workers may be wedged before the pool is `lost`. @default 5_000 */
  readonly wedgedMs?: number;
}

/** Most that a pool can be told to have. */
const MAX_WORKERS = 1024;

/** One line of the pool's status. */
export interface SlotStatus {
  readonly index: number;
  /** `standby`: ready, and kept out of rotation until another fails. */
  readonly state: SlotState | 'standby';
  /** Batches that its worker has been sent and has not answered. */
  readonly outstanding: number;
  /** Model versions that its worker holds. */
  readonly loaded: number;
  readonly restarts: number;
  /** Time that its workers have had a batch, in milliseconds. */
  readonly busyMs: number;
  /** Whether its worker was given up and is still there. */
  readonly wedged: boolean;
  /** Of a worker that is a process of its own. */
  readonly pid: number | undefined;
}

/** The workers, and where each model version lives: on all of them. */
export class Pool implements ModelHost {
  readonly #options: PoolOptions;
  readonly #loader: Loader;
  readonly #crashLoops: CrashLoops;
  readonly #trials: Trials;
  readonly #servingListeners = new Set<() => void>();
  readonly #readyListeners = new Set<(ready: number) => void>();
  readonly #watch: HangWatch;
  #onFree: () => void = () => {};
  #onLost: () => void = () => {};
  #lost = false;
  #wedgedTimer: TimerHandle | undefined;
  #ready = 0;
  #closed = false;
  #slots: readonly Slot[] = [];
  #wanted: number;
  #nextIndex = 0;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#wanted = options.slots;
    const { clock, logger, loadTimeoutMs } = options;
    const slots = (): readonly Slot[] => this.#slots;
    this.#watch = new HangWatch(clock, slots, options.hang);
    this.#loader = new Loader({ clock, slots, ...(loadTimeoutMs !== undefined && { loadTimeoutMs }) });
    this.#crashLoops = new CrashLoops(clock, () => this.#wanted, options.crashes);
    this.#trials = new Trials({
      clock,
      logger,
      crashLoops: this.#crashLoops,
      loader: this.#loader,
      slots,
      onChange: () => this.#servingMayChange(),
    });
    const all = options.slots + (options.spares ?? 0);
    this.#slots = Array.from({ length: all }, (_, index) => this.#newSlot(index >= options.slots));
  }

  /** Places for workers, spares included. */
  get slots(): readonly Slot[] {
    return this.#slots;
  }

  #newSlot(standby: boolean): Slot {
    const { open, clock, random, logger, recorder, backOff = DEFAULT_BACK_OFF } = this.#options;
    const slot = new Slot({
      index: this.#nextIndex++,
      open,
      clock,
      random,
      logger,
      recorder,
      backOff,
      hosted: this.#loader.hosted,
      crashLoops: this.#crashLoops,
      onChange: this.#onChange,
      onWarmed: (key, error) => this.#loader.warmed(key, error),
      onQuarantine: this.#trials.onQuarantine,
    });
    slot.standby = standby;
    return slot;
  }

  /** Workers beyond those, kept warm. */
  get spares(): number {
    return this.#options.spares ?? 0;
  }

  /** Workers that should be in rotation. */
  get wanted(): number {
    return this.#wanted;
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

  /**
   * Changes the number of workers in rotation, 1 to 1024. New ones join when they are warm; those that are too many end what
   * they have first. Resolves when both are done, and no request fails of it.
   */
  async resize(count: number): Promise<void> {
    if (!Number.isInteger(count) || count < 1 || count > MAX_WORKERS) {
      const message = `cannot have ${count} workers: wanted a whole number from 1 to ${MAX_WORKERS}`;
      throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' });
    }
    if (this.#closed) return;
    const more = Array.from({ length: Math.max(0, count - this.#wanted) }, () => this.#newSlot(false));
    // The last to come go first, and those that do not work before those that do.
    const rotation = this.#slots.filter(({ standby, state }) => !standby && state !== 'stopped');
    const leaving = [...rotation.filter(({ up }) => up), ...rotation.filter(({ up }) => !up)].slice(count);
    this.#wanted = count;
    this.#slots = [...this.#slots, ...more];
    await Promise.all([
      ...more.map((slot) => slot.start()),
      ...leaving.map(async (slot) => {
        await slot.stop();
        this.#slots = this.#slots.filter((other) => other !== slot);
      }),
    ]);
    this.#onChange();
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

  /** Whether a worker in rotation holds this version, and runs it. */
  serves(key: string): boolean {
    if (this.#crashLoops.quarantine(key) !== undefined) return false;
    return this.#slots.some((slot) => slot.live && slot.canRun(key));
  }

  /** Calls `listener` when what `serves` says may have changed; returns the way to stop it. */
  onServingChange(listener: () => void): () => void {
    this.#servingListeners.add(listener);
    return () => void this.#servingListeners.delete(listener);
  }

  /** Whether any version has ended a worker of late: else none is in quarantine. */
  get anySuspect(): boolean {
    return this.#crashLoops.any;
  }

  /** Why no batch of this version is run, as its callers are to hear it; undefined where they are run. */
  refusalOf(key: string): GatewayError | undefined {
    const quarantine = this.#crashLoops.quarantine(key);
    if (quarantine === undefined) return undefined;
    const inMs = Math.max(0, Math.ceil(quarantine.until - this.#options.clock.now()));
    const message = `${quote(key)} has ended ${quarantine.crashes} workers and is not run; it is tried again in ${inMs} ms`;
    return new GatewayError('FAILED_PRECONDITION', message, { reason: 'quarantined', retryAfterMs: inMs });
  }

  /** Versions that are not run because they end their workers, those on trial included. */
  get quarantined(): readonly string[] {
    return this.#crashLoops.quarantined;
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
    const now = this.#options.clock.now();
    return this.slots.map((slot) => ({
      index: slot.index,
      state: slot.standby && slot.state === 'ready' ? 'standby' : slot.state,
      outstanding: slot.outstanding,
      loaded: slot.loadedCount,
      restarts: slot.restarts,
      busyMs: slot.busyMs(now),
      wedged: slot.wedged,
      pid: slot.pid,
    }));
  }

  /**
   * Loads a version on every worker in rotation, one after the other, since a load blocks its thread. Workers that come
   * up later load it before they join. All or nothing: after a failure no worker holds it, or each the former one of the
   * same key. Rejects with FAILED_PRECONDITION (the model's doing), or UNAVAILABLE when no worker came up in time.
   */
  async load(manifest: Manifest): Promise<void> {
    const key = versionKey(manifest);
    try {
      await this.#loader.load(manifest);
    } catch (error) {
      if (!this.#loader.hosted.has(key)) this.#trials.forget(key);
      throw error;
    }
    this.#trials.renewed(key);
  }

  unload(key: string): Promise<void> {
    this.#trials.forget(key);
    return this.#loader.unload(key);
  }

  /**
   * Ends all workers after what they were given. Resolves when they are gone, or after `timeoutMs`, with the number of
   * workers that are not: wedged inside a run, which nothing but the end of the process ends.
   */
  async close(timeoutMs: number): Promise<number> {
    this.#closed = true;
    this.#watch.stop();
    this.#wedgedTimer?.cancel();
    this.#trials.close();
    this.#loader.close();
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

  readonly #onChange = (): void => {
    const relieved = this.#slots.length > this.#wanted && relieve(this.#slots);
    let ready = 0;
    for (const slot of this.slots) if (slot.live) ready++;
    const changed = ready !== this.#ready;
    this.#ready = ready;
    if (changed) for (const listener of this.#readyListeners) listener(ready);
    // As many workers as before may be other ones.
    if (changed || relieved) {
      this.#trials.check();
      this.#servingMayChange();
    }
    this.#watch.notice();
    this.#noticeWedged();
    this.#onFree();
  };

  #servingMayChange(): void {
    for (const listener of this.#servingListeners) listener();
    this.#onFree();
  }

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
