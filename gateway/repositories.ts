import { ConfigError } from './config/problem.js';
import type { Config } from './config/schema.js';
import type { Clock } from './core/clock.js';
import type { Logger } from './core/logger.js';
import type { Found } from './repository/found.js';
import { scanRepositories } from './repository/model-source.js';
import { OnceLogger } from './repository/once-logger.js';
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
}

/** The model repositories as the settings want them: looked at once at start, and watched in mode `poll`. */
export class Repositories {
  readonly #options: RepositoriesOptions;
  #watch: RepositoryWatch | undefined;

  constructor(options: RepositoriesOptions) {
    this.#options = options;
  }

  /** The look at start. Rejects with a ConfigError when there is nothing to serve. */
  async scan(): Promise<Found> {
    const { logger } = this.#options;
    const found = await this.#look(logger);
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

  /** Goes on looking, in mode `poll`, and tells what should be served whenever that has changed. */
  watch(first: Found, aspire: (found: Found) => void): void {
    const { config, clock, watch } = this.#options;
    if (config.modelControlMode !== 'poll') return;
    const logger = new OnceLogger(this.#options.logger);
    const scan = (): Promise<Found> => {
      logger.next();
      return this.#look(logger);
    };
    const times = watch ?? { pollMs: config.repositoryPollSecs * 1000 };
    this.#watch = new RepositoryWatch({ scan, aspire, clock, logger: this.#options.logger, ...times }, first);
    this.#watch.start();
  }

  close(): void {
    this.#watch?.close();
  }

  async #look(logger: Logger): Promise<Found> {
    const { modelRepository, modelName, linkRoots, workers, modelControlMode, requiredModels } =
      this.#options.config;
    const found = await scanRepositories({
      repositories: modelRepository,
      ...(modelName !== undefined && { modelName }),
      serveWaiting: workers.enableWaitingRuntime,
      linkRoots,
      logger,
    });
    if (modelControlMode !== 'explicit') return found;
    return { ...found, models: found.models.filter(({ name }) => requiredModels.includes(name)) };
  }
}
