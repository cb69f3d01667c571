import type { BatcherStats } from './batching/batcher-options.js';
import type { ModelHost } from './core/channel.js';
import { GatewayError, quote } from './core/error.js';
import type { LeasedInfer } from './core/infer-call.js';
import type { Manifest } from './core/manifest.js';
import { type ModelVersion, versionKey } from './core/model.js';
import type { SchedulerReport } from './core/scheduler-report.js';
import { Crew, type CrewParts } from './crew.js';
import type { SlotStatus } from './pool/pool.js';

const LOST = 'every worker is wedged inside a run: the server must be restarted';
/** When to try again where only a restart helps. */
const LOST_RETRY_MS = 2000;

/** One worker's place, and whose it is. */
export interface CrewSlotStatus extends SlotStatus {
  /** The model that has it for itself; `''` for those that all share. */
  readonly model: string;
}

/**
 * All workers: those that models share, and those of models that have their own, each with a queue of its own, so that such a model
 * takes nothing from the others and nothing of it reaches them.
 */
export class Crews implements ModelHost {
  readonly #shared: Crew;
  readonly #own = new Map<string, Crew>();
  readonly #all: readonly Crew[];

  constructor(parts: CrewParts) {
    this.#shared = new Crew(parts);
    for (const [model, { workers }] of Object.entries(parts.config.models))
      if (workers !== undefined) this.#own.set(model, new Crew({ ...parts, own: workers }));
    this.#all = [this.#shared, ...this.#own.values()];
  }

  /** Queues a request for the workers of its model: see Batcher.submit. One that would not be run is refused at once. */
  readonly submit: LeasedInfer = (call, lease) => {
    const { pool, batcher } = this.#crewOf(lease.manifest.model);
    const refusal = pool.anySuspect ? pool.refusalOf(versionKey(lease.manifest)) : undefined;
    return refusal === undefined ? batcher.submit(call, lease) : Promise.reject(refusal);
  };

  #crewOf(model: string): Crew {
    return this.#own.get(model) ?? this.#shared;
  }

  #crewOfKey(key: string): Crew {
    return this.#own.size === 0 ? this.#shared : this.#crewOf(key.slice(0, key.lastIndexOf('/')));
  }

  /** Starts all workers. Resolves when each is ready or has failed once. */
  async start(): Promise<void> {
    await Promise.all(this.#all.map(({ pool }) => pool.start()));
  }

  load(manifest: Manifest): Promise<void> {
    return this.#crewOf(manifest.model).pool.load(manifest);
  }

  unload(key: string): Promise<void> {
    return this.#crewOfKey(key).pool.unload(key);
  }

  serves(key: string): boolean {
    return this.#crewOfKey(key).pool.serves(key);
  }

  onServingChange(listener: () => void): void {
    for (const { pool } of this.#all) pool.onServingChange(listener);
  }

  /** Forgets what was learned of a version that was unloaded. */
  forget(version: ModelVersion): void {
    this.#crewOf(version.model).batcher.forget(version);
  }

  /** Changes the number of workers that models share, or of those that a model has for itself: see Pool.resize. */
  async resize(count: number, model = ''): Promise<void> {
    const crew = model === '' ? this.#shared : this.#own.get(model);
    if (crew !== undefined) return crew.pool.resize(count);
    const message = `model ${quote(model)} has no workers of its own: wanted one of those in the settings (models.<name>.workers)`;
    throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' });
  }

  /** Calls `listener` whenever the number of workers in rotation changes. */
  onReadyChange(listener: () => void): void {
    for (const { pool } of this.#all) pool.onReadyChange(listener);
  }

  /** Workers in rotation. */
  get ready(): number {
    return this.#sum(({ pool }) => pool.ready);
  }

  /** Workers that this model should have. */
  wantedBy(model: string): number {
    return this.#crewOf(model).pool.wanted;
  }

  /** Workers that hold this model's versions, spares included, when all are up. */
  holdersOf(model: string): number {
    const { wanted, spares } = this.#crewOf(model).pool;
    return wanted + spares;
  }

  /** Workers that should be in rotation. */
  get wanted(): number {
    return this.#sum(({ pool }) => pool.wanted);
  }

  /** Versions that are not run because they end their workers. */
  get quarantined(): readonly string[] {
    return this.#all.flatMap(({ pool }) => pool.quarantined);
  }

  /** Whether the workers that models share are all wedged for good. */
  get lost(): boolean {
    return this.#shared.pool.lost;
  }

  /**
   * Called when workers are all wedged for good, with what waits for them failed: those that models share (`''`), which only a new
   * process brings back, or those of one model, which is its own loss.
   */
  set onLost(listener: (model: string) => void) {
    const error = new GatewayError('UNAVAILABLE', LOST, { reason: 'no_worker', retryAfterMs: LOST_RETRY_MS });
    for (const [model, crew] of [['', this.#shared] as const, ...this.#own])
      crew.pool.onLost = () => {
        cut(crew, error);
        listener(model);
      };
  }

  status(): CrewSlotStatus[] {
    const shared = this.#shared.pool.status().map((slot) => ({ ...slot, model: '' }));
    const own = [...this.#own].flatMap(([model, { pool }]) =>
      pool.status().map((slot) => ({ ...slot, model })),
    );
    return [...shared, ...own];
  }

  /** Keeps everything waiting until `release`: for tests that want exact batches. */
  hold(): void {
    for (const { batcher } of this.#all) batcher.hold();
  }

  release(): void {
    for (const { batcher } of this.#all) batcher.release();
  }

  stats(): BatcherStats {
    const all = this.#all.map(({ batcher }) => batcher.stats());
    const sum = (of: (stats: BatcherStats) => number): number =>
      all.reduce((total, stats) => total + of(stats), 0);
    return {
      entries: sum(({ entries }) => entries),
      runningEntries: sum(({ runningEntries }) => runningEntries),
      queuedRows: sum(({ queuedRows }) => queuedRows),
      bytes: sum(({ bytes }) => bytes),
      batches: sum(({ batches }) => batches),
    };
  }

  report(): SchedulerReport {
    return { lanes: this.#all.flatMap(({ batcher }) => batcher.report().lanes) };
  }

  /** Refuses new requests; resolves when every one has settled. */
  async drain(): Promise<void> {
    await Promise.all(this.#all.map(({ batcher }) => batcher.drain()));
  }

  /** Fails all that waits, and whatever comes, with `error` or as draining. Runs that were sent end unheard. */
  cut(error?: GatewayError): void {
    for (const crew of this.#all) cut(crew, error);
  }

  /** Ends all workers; resolves with the number of those that are wedged: see Pool.close. */
  async close(timeoutMs: number): Promise<number> {
    const left = await Promise.all(this.#all.map(({ pool }) => pool.close(timeoutMs)));
    return left.reduce((sum, count) => sum + count, 0);
  }

  #sum(of: (crew: Crew) => number): number {
    return this.#all.reduce((sum, crew) => sum + of(crew), 0);
  }
}

function cut({ dispatcher, batcher }: Crew, error?: GatewayError): void {
  dispatcher.close();
  batcher.close(error);
}
