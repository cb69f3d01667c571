import { join } from 'node:path';
import { ConfigError } from './config/problem.js';
import type { Config } from './config/schema.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import type { ModelControl } from './core/model-control.js';
import type { ModelList } from './core/tfs/model-list.js';
import { ModelLists } from './model-lists.js';
import { ConfigCache } from './repository/config-cache.js';
import { type AskedModels, ExplicitControl, NO_CONTROL } from './repository/explicit-control.js';
import type { Found } from './repository/found.js';
import type { LabelKeeper } from './repository/labels/label-keeper.js';
import { scanRepositories } from './repository/model-source.js';
import { OnceLogger } from './repository/once-logger.js';
import { PatientLook } from './repository/patient-look.js';
import type { Registry } from './repository/registry.js';
import { RepositoryWatch } from './repository/repository-watch.js';

/** How often the repositories are looked at: see RepositoryWatchOptions. */
export interface WatchTimes {
  readonly pollMs: number;
  readonly confirmMs?: number;
}

export interface RepositoriesOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  /** @default the settings' */
  readonly watch: WatchTimes | undefined;
  /** Is told what should be served: all of it, again whenever that changes. */
  readonly registry: Pick<Registry, 'aspire' | 'outcome' | 'relabel'>;
  /** Where the labels of lists go. */
  readonly labels: Pick<LabelKeeper, 'change'>;
  /** Where rewritten and given files go: an absolute path. */
  readonly cacheDir: () => string;
  /** Is told the names of models found. */
  readonly onModel: (name: string) => void;
}

/** Before the first look. */
const NOTHING: Found = { models: [], problems: [], unusable: [] };

/** What is asked for where the repositories alone say so: all that is in them. */
const ALL: Pick<AskedModels, 'overrides'> = { overrides: new Map() };

/** The model repositories as the settings want them: looked at once at start, watched in mode `poll`, or at the word of a call. */
export class Repositories {
  /** Loads and unloads by call; refuses them where the mode is another. */
  readonly control: ModelControl;
  /** Lists of models, and how another one takes the place of what is served. */
  readonly lists: ModelLists;
  readonly #options: RepositoriesOptions;
  readonly #explicit: ExplicitControl | undefined;
  readonly #configs = new ConfigCache();
  #watch: RepositoryWatch | undefined;
  #held = false;
  #closed = false;
  /** What is aspired. */
  #found: Found = NOTHING;

  constructor(options: RepositoriesOptions) {
    const { config, clock, logger, registry, cacheDir } = options;
    this.#options = options;
    const patient = new PatientLook((asked: AskedModels) => this.#look(logger, asked), clock);
    if (config.modelControlMode === 'explicit')
      this.#explicit = new ExplicitControl({
        models: config.requiredModels,
        look: (asked) => patient.take(asked),
        aspire: (found) => this.serve(found),
        outcome: (model) => registry.outcome(model),
        directoryOf: (model, digest) => join(cacheDir(), '.given', model, digest),
        allowFiles: config.allowFileOverrides,
      });
    this.control = this.#explicit ?? NO_CONTROL;
    const { labels } = options;
    const inTime = new PatientLook((listed: ModelList) => this.#look(logger, ALL, listed), clock);
    this.lists = new ModelLists({
      ...{ config, logger, labels },
      repositories: {
        look: (list) => inTime.take(list),
        found: () => this.#found,
        aspire: (found) => this.serve(found),
        relabel: () => registry.relabel(),
        hold: () => this.#hold(),
        watch: () => this.#release(),
        outcome: (model) => registry.outcome(model),
      },
    });
  }

  /** The look at start. Rejects with a ConfigError when there is nothing to serve. */
  async scan(): Promise<Found> {
    const { logger } = this.#options;
    await this.lists.start();
    const found = await (this.#explicit?.look() ?? this.#look(logger, ALL));
    if (found.unusable.length > 0 && found.models.length === 0) {
      throw new ConfigError(
        found.unusable.map(({ repository, reason }) => ({
          path: 'modelRepository',
          source: repository,
          message: reason,
        })),
      );
    }
    for (const { repository, reason } of found.unusable) logger.error({ repository }, reason);
    return found;
  }

  /** Has what was found served, from now on and until something else is. */
  serve(found: Found): void {
    const { registry, onModel } = this.#options;
    for (const { name } of found.models) onModel(name);
    this.#found = found;
    registry.aspire(found);
  }

  /** Goes on looking from what is aspired, in mode `poll`; while a list takes the place of another, not before it has. */
  watch(): void {
    const { config, clock, watch } = this.#options;
    if (config.modelControlMode !== 'poll' || this.#held || this.#closed) return;
    this.#watch?.close();
    const logger = new OnceLogger(this.#options.logger);
    const scan = (): Promise<Found> => {
      logger.next();
      return this.#look(logger, ALL);
    };
    const aspire = (found: Found) => this.serve(found);
    const times = watch ?? { pollMs: config.repositoryPollSecs * 1000 };
    this.#watch = new RepositoryWatch(
      { scan, aspire, clock, logger: this.#options.logger, ...times },
      this.#found,
    );
    this.#watch.start();
  }

  close(): void {
    this.#closed = true;
    this.#watch?.close();
  }

  /** A look that is under way, too, changes nothing any more. */
  #hold(): void {
    this.#held = true;
    this.#watch?.close();
  }

  #release(): void {
    this.#held = false;
    this.watch();
  }

  async #look(
    logger: Logger,
    { models, overrides }: Partial<AskedModels> & Pick<AskedModels, 'overrides'>,
    list?: ModelList,
  ): Promise<Found> {
    const { modelName, linkRoots, workers } = this.#options.config;
    const { repositories, listed } = this.lists.sources;
    this.#configs.next();
    const found = await scanRepositories({
      ...(list === undefined ? { repositories, listed } : { repositories: [], listed: list.models }),
      ...(modelName !== undefined && { modelName }),
      serveWaiting: workers.enableWaitingRuntime,
      linkRoots,
      overrides,
      configs: this.#configs,
      logger,
    });
    if (models === undefined) return found;
    const marked = found.models.map((model) =>
      models.has(model.name) ? model : { ...model, unasked: true as const },
    );
    return { ...found, models: marked };
  }
}
