import { resolve } from 'node:path';
import { ConfigError } from './config/problem.js';
import type { Config } from './config/schema.js';
import { wallClockMs } from './core/clock.js';
import { GatewayError } from './core/error.js';
import type { Logger } from './core/logger.js';
import { listError, type ModelList, type ModelListControl } from './core/tfs/model-list.js';
import { bare } from './core/tfs/model-spec.js';
import type { Found } from './repository/found.js';
import type { LabelDemand } from './repository/labels/aspired-by-labels.js';
import type { LabelKeeper } from './repository/labels/label-keeper.js';
import { relabel, type WantedLabels } from './repository/labels/relabel.js';
import { ListReload, type ListReloadOptions, NO_LISTS } from './repository/list-reload.js';
import { readModelListFile, rootsOf } from './repository/model-list-file.js';
import { leadsInside, realRoots } from './repository/real-paths.js';

/** What TensorFlow Serving calls a model that has no name. */
const DEFAULT_NAME = 'default';

/** What it needs of the repositories. */
export type ListedRepositories = Pick<ListReloadOptions, 'look' | 'aspire' | 'hold' | 'outcome'> & {
  readonly found: () => Found;
  /** To be called when what is staged has changed. */
  readonly relabel: () => void;
  /** Goes on looking from what is aspired. */
  readonly watch: () => void;
};

export interface ModelListsOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly labels: Pick<LabelKeeper, 'change'>;
  readonly repositories: ListedRepositories;
}

/** Lists of models, as TensorFlow Serving has them: the one that the server is started with, and those that take its place. */
export class ModelLists {
  /** Replaces the list by call; refuses that where calls say what is loaded, one by one. */
  readonly control: ModelListControl;
  readonly #options: ModelListsOptions;
  #list: ModelList | undefined;
  #repositories: readonly string[];
  /** Under which a list by call may name directories. */
  #roots: readonly string[] = [];
  #staged: ReadonlyMap<string, ReadonlySet<number>> = new Map();

  constructor(options: ModelListsOptions) {
    const { config, repositories } = options;
    this.#options = options;
    this.#repositories = config.modelRepository;
    const reload = new ListReload({
      ...repositories,
      admit: (list) => this.#admit(list),
      served: () => ({ found: repositories.found(), list: this.#list }),
      stage: (versions) => {
        this.#staged = versions;
        repositories.relabel();
      },
      follow: (list) => this.#follow(list),
      relabel: (wanted) => this.#relabel(wanted, 'HandleReloadConfigRequest'),
      policyOf: (model) => config.models[model]?.versionPolicy,
    });
    this.control = config.modelControlMode === 'explicit' ? NO_LISTS : reload;
  }

  /** Where models are looked for. */
  get sources(): { readonly repositories: readonly string[]; readonly listed: ModelList['models'] } {
    return { repositories: this.#repositories, listed: this.#list?.models ?? [] };
  }

  /** Reads the list of the settings, and sets those of its labels that nobody has set yet. Rejects with a ConfigError that says what is wrong. */
  async start(): Promise<void> {
    this.#list = await this.#initial();
    this.#roots = [...this.#repositories, ...this.#options.config.linkRoots, ...rootsOf(this.#list)];
    const labelled = (this.#list?.models ?? []).filter(({ labels }) => labels.size > 0);
    if (labelled.length === 0) return;
    const wanted = labelled.map(({ name, labels }) => ({ model: name, labels, onlyNew: true }));
    await this.#relabel(wanted, 'the model config file').catch((thrown: unknown) => {
      throw fault(`its labels cannot be set: ${GatewayError.from(thrown).message}`, this.#options.config);
    });
  }

  /** What labels ask for, with what is loaded for the sake of a list that is to come. */
  demand(model: string, byLabels: LabelDemand): LabelDemand {
    const staged = this.#staged.get(model);
    return staged === undefined
      ? byLabels
      : { ...byLabels, versions: new Set([...byLabels.versions, ...staged]) };
  }

  async #initial(): Promise<ModelList | undefined> {
    const { config } = this.#options;
    const { modelConfigFile, modelBasePath, modelName = DEFAULT_NAME } = config;
    if (modelConfigFile !== undefined) {
      const list = await readModelListFile(modelConfigFile);
      if ('fault' in list) throw fault(list.fault, config);
      return list;
    }
    if (modelBasePath === undefined) return undefined;
    const only = { name: modelName, basePath: resolve(modelBasePath), versionPolicy: undefined };
    return { models: [{ ...only, labels: new Map() }] };
  }

  /** A call may have whatever is under the directories that the server was started with run, and nothing else. */
  async #admit({ models }: ModelList): Promise<void> {
    const roots = await realRoots(this.#roots);
    for (const { name, basePath } of models) {
      // One that is not there at all is told of as such.
      const [real] = await realRoots([basePath]);
      if (real === undefined || (await leadsInside(real, roots))) continue;
      throw listError(
        'PERMISSION_DENIED',
        `base_path ${bare(basePath)} of model ${bare(name)} is under no directory that models may come from: wanted one under the model repository, beside the models that the server was started with, or under --link-roots`,
        'base_path',
      );
    }
  }

  #follow(list: ModelList | undefined): void {
    if (list !== undefined && list !== this.#list) {
      this.#repositories = [];
      this.#options.logger.info({ models: list.models.map(({ name }) => name) }, 'Model list is replaced');
    }
    this.#list = list;
    this.#options.repositories.watch();
  }

  async #relabel(wanted: readonly WantedLabels[], who: string): Promise<void> {
    if (wanted.length === 0) return;
    const note = { who, why: 'version_labels', atMs: wallClockMs() };
    await this.#options.labels.change((state) => relabel(state, wanted, note));
  }
}

function fault(message: string, { modelConfigFile }: Config): ConfigError {
  return new ConfigError([{ path: 'modelConfigFile', source: modelConfigFile ?? 'not given', message }]);
}
