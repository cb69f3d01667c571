import type { ModelCatalog, VersionStatus } from '../core/catalog.js';
import type { ModelHost } from '../core/channel.js';
import { GatewayError, quote } from '../core/error.js';
import type { Lease } from '../core/infer-call.js';
import type { Manifest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import {
  type EffectiveConfiguration,
  effectiveConfiguration,
  type ModelSettings,
} from './effective-configuration.js';
import type { LoadOutcome } from './explicit-control.js';
import type { Found, FoundModel, FoundVersion, Problem } from './found.js';
import { type LabelDemand, NO_DEMAND } from './labels/aspired-by-labels.js';
import { signatureDigest } from './labels/signature-difference.js';
import { LoadTurns, type LoadTurnsOptions } from './load-turns.js';
import { ModelRecord } from './model-record.js';
import { isModelName, MODEL_NAME_RULE } from './names.js';
import { OutcomeWaiters } from './outcome-waiters.js';
import { type PrepareDefaults, prepareRequest } from './prepare-request.js';
import { retryDelayMs } from './retry-delay.js';
import type { LoadedCopy, VersionEntry } from './version-entry.js';

export interface RegistryOptions extends PrepareDefaults {
  /** By model name. @default none */
  readonly models?: ReadonlyMap<string, ModelSettings>;
  /** How many workers a model has. @default 1 */
  readonly workersOf?: (model: string) => number;
  /** How many former versions of a model stay loaded, called by number only. @default 0 */
  readonly keepPrevious?: number;
  /** Whether failed loads are tried again with back-off though their files are the same. @default false */
  readonly retryFailed?: boolean;
  /** What a model's labels ask for while these of its versions are available; `relabel` says that it may have changed. */
  readonly demandOf?: (
    model: string,
    available: readonly number[],
    digestOf: (version: number) => string | undefined,
  ) => LabelDemand;
}

export interface RegistryDependencies extends RegistryOptions, LoadTurnsOptions {
  readonly host: ModelHost;
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
  readonly #outcomes = new OutcomeWaiters();
  readonly #turns: LoadTurns;
  /** Loads and unloads that have begun and not ended. */
  #underWay = 0;
  #closed = false;

  constructor(dependencies: RegistryDependencies) {
    this.#deps = dependencies;
    this.#turns = new LoadTurns(dependencies, this.#models, (name) => {
      this.#dirty.add(name);
      this.#converge();
    });
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
      const record = this.#models.get(name) ?? new ModelRecord(name, effective, this.#deps.keepPrevious);
      record.aspire(model, problems.get(name) ?? [], effective);
      this.#models.set(name, record);
      this.#dirty.add(name);
    }
    this.#converge();
  }

  /** Asks anew what labels ask for. They lead elsewhere when this returns; versions that this needs come in the background. */
  relabel(): void {
    for (const record of this.#models.values()) {
      this.#dirty.add(record.name);
      record.demand = this.#demandOf(record);
      if ((this.#ready.get(record.name) ?? false) !== this.ready(record.name, '')) this.#tell(record);
    }
    this.#converge();
  }

  /** Resolves when every aspired version is available or has failed; at once when that is so, or after `close`. */
  settled(): Promise<void> {
    if (this.#isSettled()) return Promise.resolve();
    return new Promise((resolve) => this.#settledWaiters.push(resolve));
  }

  /**
   * Tries failed versions of a model again; resolves when nothing of it is under way, to how the last loads of its wanted
   * versions ended: to none when it is not wanted any more, or after `close`.
   */
  outcome(model: string): Promise<readonly LoadOutcome[]> {
    for (const entry of this.#models.get(model)?.entries.values() ?? [])
      if (entry.state === 'failed' || (entry.failures > 0 && !entry.replacing)) entry.retryDue = true;
    if (this.#closed) return Promise.resolve([]);
    const outcome = this.#outcomes.wait(model);
    this.#dirty.add(model);
    this.#converge();
    return outcome;
  }

  /** Stops converging and tells nobody anything any more. What is loaded ends with the workers that hold it. */
  close(): void {
    this.#closed = true;
    this.#dirty.clear();
    this.#loadQueue.clear();
    this.#listeners.clear();
    for (const { entries } of this.#models.values())
      for (const entry of entries.values()) entry.cancelRetry();
    for (const wake of this.#settledWaiters.splice(0)) wake();
    this.#outcomes.tell(() => []);
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
    return copyOf(this.#find(model, version)).manifest;
  }

  lease(model: string, version: string): Lease {
    const entry = this.#find(model, version);
    const copy = copyOf(entry);
    return { manifest: copy.manifest, release: copy.hold(this.#released(entry)) };
  }

  /** Holds a version that is held already, for as long as a batch of it is under way; returns the release. */
  retain(manifest: Manifest): () => void {
    const entry = this.#models.get(manifest.model)?.entries.get(manifest.version);
    const copy = entry?.copyOf(manifest);
    if (entry === undefined || copy === undefined) {
      throw new GatewayError('INTERNAL', `cannot retain ${versionKey(manifest)}: it is not loaded`, {
        reason: 'internal',
      });
    }
    return copy.hold(this.#released(entry));
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

  #released(entry: VersionEntry): (copy: LoadedCopy) => void {
    return (copy) => {
      const leaving = entry.retired.has(copy) || entry.state === 'draining';
      if (copy.holds === 0 && leaving && !copy.unloading) void this.#letGo(entry, copy);
    };
  }

  /** Takes every step that can be taken now. Called whenever something has changed. */
  #converge(): void {
    if (this.#closed) return;
    do {
      for (const name of this.#dirty) {
        this.#dirty.delete(name);
        this.#step(name);
      }
      for (const name of this.#loadQueue) {
        if (this.#turns.preparing) break;
        this.#loadQueue.delete(name);
        this.#startLoad(name);
      }
    } while (this.#dirty.size > 0);
    if (this.#isSettled()) for (const wake of this.#settledWaiters.splice(0)) wake();
    this.#outcomes.tell((model) => {
      const record = this.#models.get(model);
      return record?.settled === false ? undefined : (record?.outcomes() ?? []);
    });
  }

  #isSettled(): boolean {
    return this.#closed || (this.#dirty.size === 0 && this.#loadQueue.size === 0 && this.#underWay === 0);
  }

  /** Decides a model's next action and takes it; a load waits for its turn. */
  #step(name: string): void {
    const record = this.#models.get(name);
    if (record === undefined) return;
    record.prune();
    record.demand = this.#demandOf(record);
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
      const copy = copyOf(entry);
      if (copy.holds === 0) void this.#letGo(entry, copy);
    }
    this.#refresh(record);
  }

  #demandOf({ name, available, entries }: ModelRecord): LabelDemand {
    const digestOf = (version: number): string | undefined => {
      const manifest = entries.get(version)?.copy?.manifest;
      return manifest && signatureDigest(manifest.signature);
    };
    return this.#deps.demandOf?.(name, available, digestOf) ?? NO_DEMAND;
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
    const { clock, logger } = this.#deps;
    const startedAt = clock.now();
    const replacing = entry.state === 'available';
    this.#underWay++;
    entry.attempt(found);
    if (!replacing) entry.become('loading');
    try {
      const manifest = await this.#turns.take(prepareRequest(record, entry, found, this.#deps), found, {
        wanted: () => !this.#closed && record.wants(entry.version),
        check: (manifest) => record.checkReplacement(entry, manifest),
        warming: () => replacing || entry.become('warming'),
        handedOver: () => this.#converge(),
      });
      if (manifest === undefined) return replacing ? undefined : entry.become('unloaded');
      this.#arrived(entry, manifest);
      const { model, version, warnings, batchCheck } = manifest;
      const ms = Math.round(clock.now() - startedAt);
      logger.info({ model, version, ms, batchCheck, warnings }, 'Model version is available');
    } catch (thrown) {
      this.#failed(entry, GatewayError.from(thrown));
    } finally {
      entry.replacing = false;
      this.#ended(record);
    }
  }

  /** The one step in which callers change from one copy to the next: who holds the former one keeps it until it is done. */
  #arrived(entry: VersionEntry, manifest: Manifest): void {
    const former = entry.swap(manifest);
    entry.failures = 0;
    if (entry.state === 'available') entry.say('');
    else entry.become('available');
    if (former?.holds === 0) void this.#letGo(entry, former);
  }

  #failed(entry: VersionEntry, error: GatewayError): void {
    const { clock, logger, retryFailed } = this.#deps;
    const { model, version } = entry;
    if (entry.replacing)
      entry.say(`its new files failed to load, the former copy is served: ${error.message}`);
    else entry.become('failed', error.message);
    if (this.#closed) return;
    // What is wrong with a file is in the message; a stack would only say where we noticed.
    const why = error.details.reason === 'model_error' ? { reason: error.message } : { err: error };
    entry.failures++;
    const retryMs = retryFailed ? retryDelayMs(entry.failures) : undefined;
    logger.error({ model, version, retryMs, ...why }, 'Model version failed to load');
    if (retryMs === undefined) return;
    const retry = (): void => {
      entry.retryDue = true;
      this.#dirty.add(model);
      this.#converge();
    };
    entry.cancelRetry = clock.setTimer(retry, retryMs, { unref: true }).cancel;
  }

  /** Tells the workers to let go of a copy that nobody holds any more: a retired one, or the last of a version that goes. */
  async #letGo(entry: VersionEntry, copy: LoadedCopy): Promise<void> {
    const { model, version } = entry;
    copy.unloading = true;
    this.#underWay++;
    try {
      await this.#deps.host.unload(versionKey(copy.manifest));
      this.#deps.logger.info({ model, version }, 'Model version is unloaded');
    } catch (err) {
      this.#deps.logger.error({ model, version, err }, 'Model version failed to unload: taken for gone');
    }
    if (!entry.retired.delete(copy)) entry.emptied();
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
    const flipped = record.refresh();
    if (flipped || (this.#ready.get(record.name) ?? false) !== this.ready(record.name, ''))
      this.#tell(record);
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
}

/** An available version is loaded: it has a copy. */
function copyOf(entry: VersionEntry): LoadedCopy {
  return entry.copy as LoadedCopy;
}
