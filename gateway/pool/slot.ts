import type { Channel, Occupation, OpenChannel, RunCommand, RunOutcome } from '../core/channel.js';
import type { Clock, TimerHandle } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import type { Recorder } from '../core/recorder.js';
import { type BackOff, restartDelayMs } from './back-off.js';
import type { CrashLoops } from './crash-loops.js';
import { NearEnd } from './near-end.js';
import { isLive, type SlotState, transition } from './slot-state.js';

export interface SlotOptions {
  readonly index: number;
  readonly open: OpenChannel;
  readonly clock: Clock;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly recorder: Pick<Recorder, 'workerLost'>;
  readonly backOff: BackOff;
  /** Every version that a worker must hold before it joins rotation; changes while the slot lives. */
  readonly hosted: ReadonlyMap<string, Manifest>;
  /** Called after each change that may matter to others: of state, or of being free. */
  readonly onChange: () => void;
  /** A version was loaded, or not, while the worker was warming. */
  readonly onWarmed: (key: string, error: GatewayError | undefined) => void;
  /** Which versions end their workers. */
  readonly crashLoops: CrashLoops;
  /** A version was quarantined, or is back. */
  readonly onQuarantine: (key: string) => void;
}

/** A place in the pool. It keeps a worker there: starts it, warms it, and gives it a successor when it dies. */
export class Slot {
  readonly index: number;
  /** Kept out of rotation, warm, for when another slot fails. */
  standby = false;
  readonly #options: SlotOptions;
  #state: SlotState = 'starting';
  #channel: Channel | undefined;
  #opening: Promise<void> = Promise.resolve();
  #loaded = new Map<string, Manifest>();
  #refused = new Map<string, Manifest>();
  #outstanding = 0;
  /** Time that its workers had a batch, but for the present one, which has had one since `#busySince`. */
  #busyMs = 0;
  #busySince = 0;
  #loads = 0;
  #failures = 0;
  #restarts = 0;
  #readyAt = 0;
  #coolTimer: TimerHandle | undefined;
  readonly #nearEnd: NearEnd;
  #expectedMs: number | undefined;
  /** Of the batch behind the running one. */
  #nextExpectedMs: number | undefined;
  #abandoned = false;
  #asked: Occupation = { id: -1, startedAt: 0 };

  constructor(options: SlotOptions) {
    this.index = options.index;
    this.#options = options;
    this.#nearEnd = new NearEnd(options.clock, options.onChange);
  }

  get state(): SlotState {
    return this.#state;
  }

  /** In rotation: up, and no spare. */
  get live(): boolean {
    return !this.standby && isLive(this.#state);
  }

  /** Whether its worker answers and holds the hosted versions, in rotation or not. */
  get up(): boolean {
    return isLive(this.#state);
  }

  /**
   * Whether a batch may be sent now: the worker has none, or its run is about to end. A worker that loads a version is blocked,
   * so that others take the work.
   */
  get free(): boolean {
    if (!this.live || this.#loads > 0) return false;
    return this.#outstanding === 0 || (this.#outstanding === 1 && this.#nearEnd.reached);
  }

  /** In how many milliseconds its worker is free, as predicted, of the batches that it has. */
  freeInMs(now: number): number {
    if (this.#outstanding === 0) return 0;
    return this.#nearEnd.leftMs(now) + (this.#outstanding > 1 ? (this.#nextExpectedMs ?? 0) : 0);
  }

  /** Time that its workers have had a batch so far. */
  busyMs(now: number): number {
    return this.#busyMs + (this.#outstanding > 0 ? Math.max(0, now - this.#busySince) : 0);
  }

  get outstanding(): number {
    return this.#outstanding;
  }

  /** What its worker is in the midst of; undefined when idle, dead or given up. */
  get occupation(): Occupation | undefined {
    return this.#abandoned ? undefined : this.#channel?.occupation;
  }

  /** What its worker was asked for, and since when it has had nothing before that to do. */
  get asked(): Occupation {
    return this.#asked;
  }

  /** Whether its worker was asked for something that it has not answered. */
  get busy(): boolean {
    if (this.#abandoned) return false;
    return this.#outstanding > 0 || this.#loads > 0 || this.#state === 'warming';
  }

  /** How long the run that its worker is in is predicted to take. */
  get expectedMs(): number | undefined {
    return this.#expectedMs;
  }

  /** Whether what its worker is in is a run. */
  get running(): boolean {
    return this.#outstanding > 0;
  }

  /** Whether its worker was given up and is still there: a thread in a run that may never end. */
  get wedged(): boolean {
    return this.#abandoned;
  }

  /** Gives its worker up: its batches are faults at once; its successor comes when it is gone. */
  abandon(reason: string): void {
    if (this.#channel === undefined || this.#abandoned) return;
    this.#options.logger.error({ slot: this.index, reason }, 'a worker is given up');
    this.#abandoned = true;
    if (this.up) this.#become('suspect');
    this.#channel.abandon(reason);
    this.#options.onChange();
  }

  /** Of a worker that is a process of its own. */
  get pid(): number | undefined {
    return this.#channel?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  get loadedCount(): number {
    return this.#loaded.size;
  }

  /** Tells one worker of this slot from its successors. */
  get worker(): object | undefined {
    return this.#channel;
  }

  /** Whether its worker holds this version; with a manifest, exactly that one of it. */
  holds(key: string, manifest?: Manifest): boolean {
    const held = this.#loaded.get(key);
    return held !== undefined && (manifest === undefined || held === manifest);
  }

  /** Whether a batch of this version may be taken for it: also one that is in quarantine, to be failed. To be passed on. */
  readonly canRun = (key: string): boolean => {
    const { crashLoops } = this.#options;
    if (crashLoops.quarantine(key) !== undefined) return true;
    const trial = crashLoops.trialOf(key);
    return this.#loaded.has(key) && (trial === undefined || trial === this.#channel);
  };

  /** Starts the first worker. Resolves when it is ready or has failed once. Call once. */
  async start(): Promise<void> {
    this.#opening = this.#begin();
    await this.#opening;
  }

  /** Sends a batch; only when `free`. `done` is called exactly once, after the slot's own state is right again. */
  run(command: RunCommand, done: (outcome: RunOutcome) => void): void {
    const channel = this.#channel as Channel;
    this.#outstanding++;
    if (this.#outstanding === 1) {
      this.#begun(command.expectedMs);
      this.#busySince = this.#asked.startedAt;
    } else this.#nextExpectedMs = command.expectedMs;
    if (this.#state === 'ready') this.#become('busy');
    channel.run(command, (outcome) => {
      this.#judge(command.key, channel, outcome);
      // A successor's count is its own.
      if (this.#channel === channel) this.#afterRun(channel, outcome);
      done(outcome);
    });
  }

  /** Puts the end of a worker down to the version that it was in. */
  #judge(key: string, channel: Channel, outcome: RunOutcome): void {
    const { crashLoops, onQuarantine } = this.#options;
    if (outcome.kind === 'success') {
      const trial = crashLoops.trialOf(key);
      if ((trial === undefined || trial === channel) && crashLoops.succeeded(key)) onQuarantine(key);
    } else if (outcome.kind === 'fault' && outcome.started && crashLoops.crashed(key)) onQuarantine(key);
  }

  #ask(): void {
    // Below 0: no worker's own number.
    this.#asked = { id: this.#asked.id - 1, startedAt: this.#options.clock.now() };
  }

  #begun(expectedMs: number | undefined): void {
    this.#ask();
    this.#expectedMs = expectedMs;
    this.#nearEnd.begin(expectedMs);
  }

  #afterRun(channel: Channel, outcome: RunOutcome): void {
    if (this.#outstanding === 1) this.#busyMs = this.busyMs(this.#options.clock.now());
    this.#outstanding--;
    if (this.#outstanding > 0) this.#begun(this.#nextExpectedMs);
    else this.#nearEnd.stop();
    if (outcome.kind === 'fault') {
      if (this.up) this.#become('suspect');
      // Dead, or not to be trusted: either way its successor takes over when it has ended.
      void channel.close();
      return;
    }
    if (outcome.kind === 'success') this.#failures = 0;
    if (this.#state === 'busy' && this.#outstanding === 0) this.#become('ready');
  }

  /**
   * Loads a version into the running worker. Rejects as Channel.load does. Nothing happens when the slot is not live, or its
   * worker ends before it has begun, of a run say: the successor loads what is hosted.
   */
  async load(manifest: Manifest): Promise<void> {
    const channel = this.#channel;
    if (!this.up || channel === undefined) return;
    this.#loads++;
    this.#ask();
    try {
      await channel.load(manifest);
      if (this.#channel === channel) this.#loaded.set(versionKey(manifest), manifest);
    } catch (error) {
      if (GatewayError.from(error).details.reason !== 'no_worker') throw error;
      await channel.exited;
    } finally {
      if (this.#channel === channel) {
        this.#loads--;
        this.#options.onChange();
      }
    }
  }

  /** Drops a version from the running worker. Never rejects: a worker that is gone holds nothing. */
  async unload(key: string): Promise<void> {
    this.#refused.delete(key);
    if (!this.#loaded.delete(key)) return;
    await this.#channel?.unload(key).catch((error: unknown) => {
      this.#options.logger.debug({ slot: this.index, key, err: error }, 'unload was not answered');
    });
  }

  /** Ends the worker after what it was given, and starts no other. Resolves when it is gone. */
  async stop(): Promise<void> {
    if (this.#state !== 'stopped') this.#become('stopped');
    this.#coolTimer?.cancel();
    this.#nearEnd.stop();
    await this.#channel?.close();
    await this.#opening;
  }

  async #begin(): Promise<void> {
    let channel: Channel;
    try {
      channel = await this.#options.open(this.index);
    } catch (error) {
      this.#onDeath(GatewayError.from(error).message);
      return;
    }
    if (this.#state === 'stopped') {
      await channel.close();
      return;
    }
    this.#channel = channel;
    this.#abandoned = false;
    this.#nearEnd.stop();
    this.#outstanding = 0;
    this.#loads = 0;
    this.#loaded = new Map();
    this.#refused = new Map();
    void channel.exited.then((exit) => this.#onDeath(exit.reason));
    this.#become('warming');
    await this.#warm(channel);
  }

  /** Loads what is hosted, looking again after each load, since versions come and go meanwhile. */
  async #warm(channel: Channel): Promise<void> {
    const { hosted, logger, onWarmed, crashLoops, onQuarantine } = this.#options;
    for (let next = this.#missing(); next !== undefined; next = this.#missing()) {
      const key = versionKey(next);
      let failure: GatewayError | undefined;
      try {
        this.#ask();
        await channel.load(next);
      } catch (error) {
        failure = GatewayError.from(error);
      }
      const reason = failure?.details.reason;
      // Before the state is looked at, since the worker's end may have been noticed first.
      if (reason === 'worker_fault' && this.#state !== 'stopped') {
        if (hosted.has(key) && crashLoops.crashed(key)) onQuarantine(key);
        onWarmed(key, failure);
      }
      if (this.#channel !== channel || this.#state !== 'warming') return;
      if (reason === 'worker_fault' || reason === 'no_worker') {
        // The worker died, or talks nonsense: when it has ended, its successor begins anew.
        void channel.close();
        return;
      }
      if (failure === undefined) this.#loaded.set(key, next);
      else {
        this.#refused.set(key, next);
        logger.warn({ slot: this.index, key, err: failure }, 'a worker cannot load a hosted version');
      }
      if (!hosted.has(key)) await this.unload(key);
      onWarmed(key, failure);
    }
    if (this.#channel !== channel || this.#state !== 'warming') return;
    this.#readyAt = this.#options.clock.now();
    this.#become('ready');
  }

  #missing(): Manifest | undefined {
    const { hosted, crashLoops } = this.#options;
    for (const [key, manifest] of hosted) {
      const held = this.#loaded.get(key) === manifest || this.#refused.get(key) === manifest;
      const quarantined = crashLoops.quarantine(key) ?? crashLoops.trialOf(key);
      if (!held && quarantined === undefined) return manifest;
    }
    return undefined;
  }

  /** The worker is gone, or did not start: its place gets a successor, at once or after a pause. */
  #onDeath(reason: string): void {
    this.#abandoned = false;
    if (this.#state === 'stopped') return;
    const { clock, backOff, random, recorder, logger } = this.#options;
    const lived = this.up || this.#state === 'suspect' ? clock.now() - this.#readyAt : 0;
    this.#busyMs = this.busyMs(clock.now());
    this.#outstanding = 0;
    this.#channel = undefined;
    this.#loaded = new Map();
    this.#become('dead');
    this.#failures = lived >= backOff.stableMs ? 1 : this.#failures + 1;
    const delayMs = restartDelayMs(this.#failures, random(), backOff);
    recorder.workerLost(this.index, reason);
    logger.warn({ slot: this.index, reason, failures: this.#failures, delayMs }, 'a worker has ended');
    if (delayMs === 0) {
      this.#restart();
      return;
    }
    this.#become('cooling');
    this.#coolTimer = clock.setTimer(() => this.#restart(), delayMs);
  }

  #restart(): void {
    this.#restarts++;
    this.#become('starting');
    this.#opening = this.#begin();
  }

  #become(state: SlotState): void {
    this.#state = transition(this.#state, state);
    this.#options.onChange();
  }
}
