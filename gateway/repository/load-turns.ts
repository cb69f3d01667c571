import type { ModelHost } from '../core/channel.js';
import type { Clock } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Logger } from '../core/logger.js';
import type { Manifest, Prepare, PrepareRequest } from '../core/manifest.js';
import { versionKey } from '../core/model.js';
import type { Recorder } from '../core/recorder.js';
import type { FoundVersion } from './found.js';
import { type MemoryAccount, MemoryRoom } from './memory-room.js';
import type { ModelRecord } from './model-record.js';

export interface LoadTurnsOptions {
  readonly prepare: Prepare;
  readonly host: Pick<ModelHost, 'load' | 'unload'>;
  /** Whether a version's files are still what was found: asked when it is loaded. @default not asked */
  readonly unchanged?: ((found: FoundVersion, sources: Manifest['sources']) => Promise<boolean>) | undefined;
  /** Removes the directory of a copy that no worker holds. Never rejects. @default it stays */
  readonly discard?: ((directory: string) => Promise<void>) | undefined;
  /** What there is of memory. @default no limit */
  readonly memory?: MemoryAccount | undefined;
  /** Told of the loads that end. @default nobody */
  readonly recorder?: Pick<Recorder, 'loaded'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a load asks and tells on its way. */
export interface LoadSteps {
  /** Whether it is still wanted, asked when it is prepared and its turn has come. */
  readonly wanted: () => boolean;
  /** Throws a GatewayError where it cannot be served as it was prepared. */
  readonly check: (manifest: Manifest) => void;
  /** It is handed to the workers. */
  readonly warming: () => void;
  /** The next one may be prepared. */
  readonly handedOver: () => void;
}

/**
 * Loads versions in turn: one at a time is prepared and one at a time is loaded on the workers; the preparation of the next
 * overlaps the loading of the present one.
 */
export class LoadTurns {
  readonly #options: LoadTurnsOptions;
  readonly #room: MemoryRoom | undefined;
  #preparing = false;
  /** Ends with the last load handed to the host. */
  #lastLoad: Promise<void> = Promise.resolve();

  /** @param models what memory is taken by @param changed told when a model has something to unload, to make room */
  constructor(
    options: LoadTurnsOptions,
    models: ReadonlyMap<string, ModelRecord>,
    changed: (model: string) => void,
  ) {
    this.#options = options;
    const { memory, clock, logger } = options;
    if (memory === undefined) return;
    this.#room = new MemoryRoom({ ...memory, clock, logger, records: () => models.values(), changed });
  }

  /** Whether one is being prepared: the next has to wait. */
  get preparing(): boolean {
    return this.#preparing;
  }

  /**
   * Prepares a version and loads it on the workers. Resolves to what they hold now; to undefined where it is not wanted any
   * more. Rejects as `prepare` and `host.load` do, with RESOURCE_EXHAUSTED where there is not enough memory, and with
   * FAILED_PRECONDITION where its files were replaced meanwhile.
   */
  async take(request: PrepareRequest, found: FoundVersion, steps: LoadSteps): Promise<Manifest | undefined> {
    const { clock, recorder } = this.#options;
    const { model, version } = request;
    const startedAt = clock.now();
    try {
      const manifest = await this.#take(request, found, steps);
      if (manifest !== undefined) recorder?.loaded(model, version, 'available', clock.now() - startedAt);
      return manifest;
    } catch (thrown) {
      recorder?.loaded(model, version, 'failed', clock.now() - startedAt);
      throw thrown;
    }
  }

  async #take(request: PrepareRequest, found: FoundVersion, steps: LoadSteps): Promise<Manifest | undefined> {
    let mine = true;
    let served = false;
    this.#preparing = true;
    try {
      const { revision } = request;
      const prepared = await this.#options.prepare(request);
      const manifest = revision === undefined ? prepared : { ...prepared, revision };
      await this.#lastLoad;
      if (!steps.wanted()) return undefined;
      steps.check(manifest);
      await this.#room?.make(manifest);
      if (!steps.wanted()) return undefined;
      steps.warming();
      const loaded = this.#options.host.load(manifest);
      this.#lastLoad = loaded.catch(() => {});
      mine = this.#preparing = false;
      steps.handedOver();
      await loaded;
      await this.#sameStill(found, manifest);
      served = true;
      return manifest;
    } finally {
      // No worker holds it: its weights would lie on the disk until the server ends.
      if (!served) await this.#options.discard?.(request.outputDir);
      if (mine) this.#preparing = false;
    }
  }

  /** Files that were replaced while they were prepared may have been read in part: some old, some new. */
  async #sameStill(found: FoundVersion, manifest: Manifest): Promise<void> {
    const { unchanged, host } = this.#options;
    if (unchanged === undefined || (await unchanged(found, manifest.sources))) return;
    await host.unload(versionKey(manifest)).catch(() => {});
    const message = `failed to load ${quote(versionKey(manifest))}: its files were replaced meanwhile`;
    throw new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
  }
}
