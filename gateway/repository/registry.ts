import { join } from 'node:path';
import type { ModelCatalog, VersionStatus } from '../core/catalog.js';
import type { ModelHost } from '../core/channel.js';
import type { Clock } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Lease } from '../core/infer-call.js';
import type { Logger } from '../core/logger.js';
import type { Manifest, Prepare, PrepareRequest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import {
  type EffectiveConfiguration,
  effectiveConfiguration,
  type ModelSettings,
} from './effective-configuration.js';
import type { Found, FoundModel, FoundVersion, Problem } from './found.js';
import { ModelRecord } from './model-record.js';
import { isModelName, MODEL_NAME_RULE } from './names.js';
import type { VersionEntry } from './version-entry.js';

export interface RegistryOptions {
  /** An absolute path; a version may keep files in `<cacheDir>/<model>/<version>`, which `prepare` makes. */
  readonly cacheDir: () => string;
  /** @default 256 */
  readonly defaultMaxBatchSize?: number;
  /** @default 1 */
  readonly intraOpThreads?: number;
  /** By model name. @default none */
  readonly models?: ReadonlyMap<string, ModelSettings>;
  /** How many workers a model has. @default 1 */
  readonly workersOf?: (model: string) => number;
}

export interface RegistryDependencies extends RegistryOptions {
  readonly prepare: Prepare;
  readonly host: ModelHost;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Converges the loaded versions to the aspired ones, in the background, and hands out leases on what is there.
 *
 * One version at a time is prepared and one at a time is loaded on the workers; the preparation of the next overlaps
 * the loading of the present one. A version that fails is listed with its reason and stops no other.
 */
export class Registry implements ModelCatalog {
  readonly #deps: RegistryDependencies;
  readonly #models = new Map<string, ModelRecord>();
  /** Models whose next action is to be decided. */
  readonly #dirty = new Set<string>();
  /** Models with something to load, waiting for their turn. */
  readonly #loadQueue = new Set<string>();
  readonly #listeners = new Set<(model: string) => void>();
  /** Whether a model was ready when its listeners were told last. */
  readonly #ready = new Map<string, boolean>();
  readonly #settledWaiters: (() => void)[] = [];
  #preparing = false;
  /** Loads and unloads that have begun and not ended. */
  #underWay = 0;
  /** Ends with the last load handed to the host. */
  #lastLoad: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(dependencies: RegistryDependencies) {
    this.#deps = dependencies;
    dependencies.host.onServingChange?.(() => this.#servingChanged());
  }

  /** Sets what should be served: the whole set. What is no longer in it is drained and unloaded. */
  aspire(found: Found): void {
    const models = new Map(found.models.map((model) => [model.name, model]));
    const problems = new Map<string, Problem[]>();
    for (const problem of found.problems) {
      const same = problems.get(problem.model);
      if (same === undefined) problems.set(problem.model, [problem]);
      else same.push(problem);
    }
    for (const name of new Set([...models.keys(), ...problems.keys(), ...this.#models.keys()])) {
      const model = models.get(name);
      const effective = this.#effective(name, model);
      const record = this.#models.get(name) ?? new ModelRecord(name, effective);
      record.aspire(model, problems.get(name) ?? [], effective);
      this.#models.set(name, record);
      this.#dirty.add(name);
    }
    this.#converge();
  }

  /** Resolves when every aspired version is available or has failed; at once when that is so, or after `close`. */
  settled(): Promise<void> {
    if (this.#isSettled()) return Promise.resolve();
    return new Promise((resolve) => this.#settledWaiters.push(resolve));
  }

  /** Stops converging and tells nobody anything any more. What is loaded ends with the workers that hold it. */
  close(): void {
    this.#closed = true;
    this.#dirty.clear();
    this.#loadQueue.clear();
    this.#listeners.clear();
    for (const wake of this.#settledWaiters.splice(0)) wake();
  }

  list(): readonly VersionStatus[] {
    return [...this.#models.values()]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((record) => record.statuses());
  }

  /** Whether this is the name of a model found, working or not: what may become the label of a metric. */
  known(model: string): boolean {
    return this.#models.has(model);
  }

  available(model: string): readonly number[] {
    return this.#models.get(model)?.available ?? [];
  }

  ready(model: string, version: string): boolean {
    try {
      const key = versionKey(this.#find(model, version));
      return this.#deps.host.serves?.(key) ?? true;
    } catch {
      return false;
    }
  }

  describe(model: string, version: string): Manifest {
    return manifestOf(this.#find(model, version));
  }

  lease(model: string, version: string): Lease {
    const entry = this.#find(model, version);
    return { manifest: manifestOf(entry), release: entry.hold(this.#released) };
  }

  /** Holds a version that is held already, for as long as a batch of it is under way; returns the release. */
  retain(manifest: Manifest): () => void {
    const entry = this.#models.get(manifest.model)?.entries.get(manifest.version);
    if (entry === undefined || entry.manifest !== manifest || entry.unloading) {
      throw new GatewayError('INTERNAL', `cannot retain ${versionKey(manifest)}: it is not loaded`, {
        reason: 'internal',
      });
    }
    return entry.hold(this.#released);
  }

  onChange(listener: (model: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #find(model: string, version: string): VersionEntry {
    const record = this.#models.get(model);
    if (record !== undefined && isModelName(model)) return record.find(version);
    if (!isModelName(model)) {
      const message = `${quote(model)} is not a legal name for a model: wanted ${MODEL_NAME_RULE}`;
      throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'model_name' });
    }
    throw new GatewayError('NOT_FOUND', `Request for unknown model: ${quote(model)} is not found`, {
      reason: 'unknown_model',
      field: 'model_name',
    });
  }

  readonly #released = (entry: VersionEntry): void => {
    if (entry.holds === 0 && entry.state === 'draining' && !entry.unloading) void this.#letGo(entry);
  };

  /** Takes every step that can be taken now. Called whenever something has changed. */
  #converge(): void {
    if (this.#closed) return;
    do {
      for (const name of this.#dirty) {
        this.#dirty.delete(name);
        this.#step(name);
      }
      for (const name of this.#loadQueue) {
        if (this.#preparing) break;
        this.#loadQueue.delete(name);
        this.#startLoad(name);
      }
    } while (this.#dirty.size > 0);
    if (this.#isSettled()) for (const wake of this.#settledWaiters.splice(0)) wake();
  }

  #isSettled(): boolean {
    return this.#closed || (this.#dirty.size === 0 && this.#loadQueue.size === 0 && this.#underWay === 0);
  }

  /** Decides a model's next action and takes it; a load waits for its turn. */
  #step(name: string): void {
    const record = this.#models.get(name);
    if (record === undefined) return;
    record.prune();
    if (record.forgotten) {
      this.#models.delete(name);
      this.#ready.delete(name);
    }
    const action = record.next();
    if (action?.kind === 'load') this.#loadQueue.add(name);
    const entry = action && record.entries.get(action.version);
    if (entry === undefined || action?.kind === 'load') return;
    // One step leads to the next: #converge comes back to this model.
    this.#dirty.add(name);
    if (action?.kind === 'restore') entry.become('available');
    else if (entry.state === 'failed') entry.become('unloaded');
    else {
      entry.become('draining');
      if (entry.holds === 0) void this.#letGo(entry);
    }
    this.#refresh(record);
  }

  /** Begins the load that the model wants by now; it may have changed while it waited. */
  #startLoad(name: string): void {
    const record = this.#models.get(name);
    const action = record?.next();
    const entry = action?.kind === 'load' ? record?.entries.get(action.version) : undefined;
    if (record !== undefined && entry?.found !== undefined) void this.#bringUp(record, entry, entry.found);
    else this.#dirty.add(name);
  }

  async #bringUp(record: ModelRecord, entry: VersionEntry, found: FoundVersion): Promise<void> {
    const { host, clock, logger } = this.#deps;
    const startedAt = clock.now();
    let myTurn = true;
    this.#preparing = true;
    this.#underWay++;
    entry.tried = { bytes: found.bytes, modifiedMs: found.modifiedMs };
    entry.retryDue = false;
    entry.become('loading');
    try {
      const manifest = await this.#deps.prepare(this.#request(record, entry, found));
      await this.#lastLoad;
      if (this.#closed || !record.wants(entry.version)) return entry.become('unloaded');
      entry.become('warming');
      const loaded = host.load(manifest);
      this.#lastLoad = loaded.catch(() => {});
      myTurn = this.#preparing = false;
      this.#converge();
      await loaded;
      entry.manifest = manifest;
      entry.become('available');
      const { model, version, warnings, batchCheck } = manifest;
      const ms = Math.round(clock.now() - startedAt);
      logger.info({ model, version, ms, batchCheck, warnings }, 'Model version is available');
    } catch (thrown) {
      const error = GatewayError.from(thrown);
      entry.become('failed', error.message);
      const { model, version } = entry;
      // What is wrong with a file is in the message; a stack would only say where we noticed.
      const why = error.details.reason === 'model_error' ? { reason: error.message } : { err: error };
      if (!this.#closed) logger.error({ model, version, ...why }, 'Model version failed to load');
    } finally {
      if (myTurn) this.#preparing = false;
      this.#ended(record);
    }
  }

  /** Tells the workers to let go of a version that nobody holds any more. */
  async #letGo(entry: VersionEntry): Promise<void> {
    const { model, version } = entry;
    entry.unloading = true;
    this.#underWay++;
    try {
      await this.#deps.host.unload(versionKey(entry));
      this.#deps.logger.info({ model, version }, 'Model version is unloaded');
    } catch (err) {
      this.#deps.logger.error({ model, version, err }, 'Model version failed to unload: taken for gone');
    }
    entry.unloading = false;
    entry.manifest = undefined;
    entry.become('unloaded');
    this.#ended(this.#models.get(model));
  }

  #ended(record: ModelRecord | undefined): void {
    this.#underWay--;
    if (record !== undefined) {
      this.#refresh(record);
      this.#dirty.add(record.name);
    }
    this.#converge();
  }

  /** Workers came or went: some models may be served that were not, or no longer. */
  #servingChanged(): void {
    if (this.#listeners.size === 0) return;
    for (const record of this.#models.values())
      if (this.#ready.get(record.name) !== this.ready(record.name, '')) this.#tell(record);
  }

  #refresh(record: ModelRecord): void {
    if (record.refresh()) this.#tell(record);
  }

  #tell(record: ModelRecord): void {
    this.#ready.set(record.name, this.ready(record.name, ''));
    for (const listener of this.#listeners) {
      try {
        listener(record.name);
      } catch (err) {
        this.#deps.logger.error({ model: record.name, err }, 'A listener to model changes threw');
      }
    }
  }

  #effective(name: string, found: FoundModel | undefined): EffectiveConfiguration {
    const { models, logger, workersOf, intraOpThreads = 1 } = this.#deps;
    const machine = { workers: workersOf?.(name) ?? 1, intraOpThreads };
    const effective = effectiveConfiguration(models?.get(name), found?.configuration, machine);
    const told = this.#models.get(name)?.effective.warnings ?? [];
    for (const warning of effective.warnings)
      if (!told.includes(warning)) logger.warn({ model: name }, `Model: ${warning}`);
    return effective;
  }

  #request(record: ModelRecord, entry: VersionEntry, found: FoundVersion): PrepareRequest {
    const { cacheDir, defaultMaxBatchSize = 256, intraOpThreads = 1 } = this.#deps;
    const { model, version } = entry;
    const { directory, effective } = record;
    const { configuration, maxBatchSize } = effective;
    return {
      model,
      version,
      modelPath: found.modelPath,
      outputDir: join(cacheDir(), model, String(version)),
      ...(directory !== undefined && { modelDirectory: directory }),
      ...(maxBatchSize !== undefined && { maxBatchSize }),
      defaultMaxBatchSize,
      intraOpThreads,
      configuration,
    };
  }
}

/** An available version was prepared: it has a manifest. */
function manifestOf(entry: VersionEntry): Manifest {
  return entry.manifest as Manifest;
}
