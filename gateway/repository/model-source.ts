import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { quote } from '../core/error.js';
import { fileProblem } from '../core/file-problem.js';
import type { Logger } from '../core/logger.js';
import type { ModelConfiguration } from '../core/model-configuration.js';
import type { ListedModel } from '../core/tfs/model-list.js';
import type { ConfigCache } from './config-cache.js';
import { CONFIG_FILE } from './config-faults.js';
import { describeTree, nearestLayout } from './describe-tree.js';
import type { Found, FoundModel, FoundVersion, Problem, UnusableRepository } from './found.js';
import { type Entry, type Listing, listDirectory } from './list-directory.js';
import { type Inspection, inspectModelDirectory, MODEL_FILE, WAITING_FILE } from './model-directory.js';
import type { ModelOverride } from './model-override.js';
import { isModelName, MODEL_NAME_RULE, parseVersion } from './names.js';
import { realModel, realRoots } from './real-paths.js';

/** Why a directory that was named is no model's. */
const NO_VERSIONS = `there is no version in its directory: wanted 1/${MODEL_FILE}`;
const NO_CONFIGURATION: ModelConfiguration = { inputs: [], outputs: [], parameters: {}, runtime: {} };

/** Most models of all repositories together; what is found beyond them is left out with a warning. */
const MAX_MODELS = 10_000;

export interface ModelSourceOptions {
  /** Absolute paths: repositories, directories of one model, or `.onnx` files; earlier ones win. */
  readonly repositories: readonly string[];
  /**
   * Name of a model that is given without one: a bare directory or file.
   * @default the directory's name, or the file's without its extension
   */
  readonly modelName?: string;
  /** Models that are named with their directories, in place of repositories that are searched for some. @default none */
  readonly listed?: readonly ListedModel[];
  /** Whether synthetic models (`model.wait.json`) are served, not only listed as problems. @default false */
  readonly serveWaiting?: boolean;
  /** Absolute paths of directories, besides the repositories, into which links may lead. @default none */
  readonly linkRoots?: readonly string[];
  /** By model, what is taken in place of its config.pbtxt and its files. @default none */
  readonly overrides?: ReadonlyMap<string, ModelOverride>;
  /** What is known of config.pbtxt files from former looks. @default nothing is kept */
  readonly configs?: ConfigCache;
  readonly logger: Logger;
}

/**
 * Reads the repositories once and tells everything that is in them. Understands
 * - `<repository>/<model>/<version>/model.onnx`, where `model.onnx` may be a directory that holds it,
 * - `<repository>/<model>/model.onnx`: version 1,
 * - a model's own directory, with versions in it or bare with one `model.onnx`: what KServe mounts,
 * - a single `.onnx` file: version 1,
 * - `config.pbtxt` beside the versions, Triton's configuration of the model,
 * - `model.wait.json` in a version directory, a waiting model, where `serveWaiting` says so.
 *
 * One bad model never hides another, and nothing rejects: what cannot be served is in `problems`, a repository that
 * cannot be read or understood in `unusable`. An empty repository is neither: models may come later.
 */
export async function scanRepositories(options: ModelSourceOptions): Promise<Found> {
  const scan = new Scan(options);
  for (const repository of new Set(options.repositories)) await scan.add(repository);
  for (const model of options.listed ?? []) await scan.addListed(model);
  await scan.addGiven();
  return scan.found();
}

class Scan {
  readonly #options: ModelSourceOptions;
  readonly #models = new Map<string, FoundModel>();
  readonly #problems: Problem[] = [];
  readonly #unusable: UnusableRepository[] = [];
  /** By name, the repository of each model, usable or not, so that a later one does not take its place unnoticed. */
  readonly #taken = new Map<string, string>();
  /** All directories seen, models or not: one that is there and empty was not removed. */
  readonly #present = new Set<string>();
  /** By repository, the real paths that its links may lead to. */
  readonly #roots = new Map<string, readonly string[]>();
  #full = false;

  constructor(options: ModelSourceOptions) {
    this.#options = options;
  }

  found(): Found {
    return {
      models: [...this.#models.values()],
      problems: this.#problems,
      unusable: this.#unusable,
      present: this.#present,
    };
  }

  async add(repository: string): Promise<void> {
    try {
      const facts = await stat(repository);
      if (facts.isDirectory()) await this.#addDirectory(repository);
      else if (repository.endsWith('.onnx')) await this.#addFile(repository, facts.size, facts.mtimeMs);
      else
        this.#refuse(repository, 'it is a file, but not an .onnx file: wanted a directory or an .onnx file');
    } catch (error) {
      this.#refuse(repository, fileProblem(error));
    }
  }

  /** Adds a model whose directory was named. One in which there is none is a problem of it. */
  async addListed({ name, basePath, versionPolicy }: ListedModel): Promise<void> {
    try {
      const inspection = await this.#inspect(basePath, name, basePath);
      const isModel = await this.#addModel(basePath, name, inspection, basePath);
      if (!isModel) this.#addProblem(basePath, name, 0, NO_VERSIONS);
      const model = this.#models.get(name);
      if (versionPolicy === undefined || model === undefined) return;
      const { configuration = NO_CONFIGURATION } = model;
      this.#models.set(name, { ...model, configuration: { ...configuration, versionPolicy } });
    } catch (error) {
      this.#addProblem(basePath, name, 0, `its directory cannot be read: ${fileProblem(error)}`);
    }
  }

  /** Adds the models of which the files were given by a call, and which are in no repository. */
  async addGiven(): Promise<void> {
    for (const [name, { directory }] of this.#options.overrides ?? []) {
      if (directory === undefined || this.#taken.has(name)) continue;
      await this.#addModel(directory, name, await this.#inspect(directory, name, directory), directory);
    }
  }

  /** Looks into a model's directory, or into what was given in its place. */
  async #inspect(directory: string, name: string, repository: string): Promise<Inspection> {
    const override = this.#options.overrides?.get(name);
    const roots = await this.#rootsOf(override?.directory ?? repository);
    return inspectModelDirectory(
      override?.directory ?? directory,
      name,
      override,
      this.#options.configs,
      roots,
    );
  }

  async #addFile(path: string, bytes: number, modifiedMs: number): Promise<void> {
    const parent = basename(dirname(path));
    const version = basename(path) === MODEL_FILE ? parseVersion(parent) : undefined;
    // `…/iris/2/model.onnx` is known for what it is, though it was named on its own.
    const given = version === undefined ? parent : basename(dirname(dirname(path)));
    const name = basename(path) === MODEL_FILE ? given : basename(path, '.onnx');
    const found: FoundVersion = { version: version ?? 1, modelPath: path, bytes, modifiedMs };
    const inspection = { isModel: true, versions: [found], problems: [], warnings: [] };
    await this.#addModel(path, this.#options.modelName ?? name, inspection);
  }

  async #addDirectory(repository: string): Promise<void> {
    const listing = await listDirectory(repository);
    if (listing.entries.some(isModelsMark) || (await isModelsOwn(listing))) {
      const name = this.#options.modelName ?? basename(repository);
      await this.#addModel(repository, name, await this.#inspect(repository, name, repository), repository);
      return;
    }
    if (listing.truncated)
      this.#options.logger.warn({ repository }, 'Repository has too many entries: some were left out');
    let understood = false;
    for (const { name, path, kind } of listing.entries) {
      if (kind !== 'directory' || this.#full) continue;
      this.#present.add(name);
      try {
        const inspection = await this.#inspect(path, name, repository);
        understood = (await this.#addModel(repository, name, inspection, path)) || understood;
      } catch (error) {
        this.#addProblem(repository, name, 0, `its directory cannot be read: ${fileProblem(error)}`);
        understood = true;
      }
    }
    if (understood) return;
    if (listing.entries.length === 0)
      return this.#options.logger.warn({ repository }, 'Repository is empty: nothing to serve yet');
    const tree = await describeTree(repository);
    const wanted = nearestLayout(listing.entries);
    this.#refuse(repository, `no model in it. Wanted: ${wanted}.\nFound:\n${tree}`);
  }

  /** Returns whether the directory was a model's at all. */
  async #addModel(
    repository: string,
    name: string,
    inspection: Inspection,
    directory?: string,
  ): Promise<boolean> {
    const { logger } = this.#options;
    for (const warning of inspection.warnings) logger.warn({ repository, model: name }, `Model: ${warning}`);
    if (!inspection.isModel) {
      if (inspection.warnings.length === 0)
        logger.debug({ repository, directory: name }, 'Directory holds no model and is skipped');
      return false;
    }
    if (!isModelName(name)) {
      this.#addProblem(repository, name, 0, `not a legal name for a model: wanted ${MODEL_NAME_RULE}`);
    } else if (this.#taken.has(name)) {
      this.#addProblem(repository, name, 0, this.#conflict(this.#taken.get(name) as string, repository));
    } else if (this.#models.size >= MAX_MODELS) {
      this.#full = true;
      logger.warn({ repository, limit: MAX_MODELS }, 'Too many models: the rest are left out');
    } else {
      for (const { version, reason } of inspection.problems)
        this.#addProblem(repository, name, version, reason);
      const versions: FoundVersion[] = [];
      for (const found of inspection.versions) {
        const real = this.#mayServe(repository, name, found) && (await this.#real(repository, name, found));
        if (real) versions.push(real);
      }
      this.#taken.set(name, repository);
      const { configuration } = inspection;
      const home = this.#options.overrides?.get(name)?.directory ?? directory;
      const rest = {
        ...(home !== undefined && { directory: home }),
        ...(configuration && { configuration }),
      };
      if (versions.length > 0) this.#models.set(name, { name, repository, versions, ...rest });
    }
    return true;
  }

  /** For clients too, so that each repository is named by its last directory and its place in the list. */
  #conflict(first: string, second: string): string {
    const { repositories } = this.#options;
    const shown = (path: string) => `${quote(basename(path), 80)} (number ${repositories.indexOf(path) + 1})`;
    return `the same model is in two repositories, ${shown(first)} and ${shown(second)}: only the first one's is served`;
  }

  /** A waiting model is listed, so that nobody wonders, and served only when the server was told so. */
  #mayServe(repository: string, model: string, { version, modelPath }: FoundVersion): boolean {
    if (this.#options.serveWaiting === true || basename(modelPath) !== WAITING_FILE) return true;
    const reason = `its ${WAITING_FILE} is a synthetic model, served only with --enable-waiting-runtime`;
    this.#addProblem(repository, model, version, reason);
    return false;
  }

  /** Follows the links of a version, as far as they may lead. */
  async #real(repository: string, model: string, found: FoundVersion): Promise<FoundVersion | undefined> {
    // A single file that was named is taken for what it is.
    const home = repository === found.modelPath ? dirname(await realpath(repository)) : repository;
    const roots = await this.#rootsOf(this.#options.overrides?.get(model)?.directory ?? home);
    const real = await realModel(found.modelPath, roots).catch(() => undefined);
    if (real !== undefined) {
      const { fingerprint } = found;
      // Another file behind the same link is another version of it, whatever its date says.
      return { ...found, ...real, ...(fingerprint && { fingerprint: `${fingerprint} ${real.modelPath}` }) };
    }
    const reason =
      'its model file is a link that leads out of the repository: wanted one under it or under linkRoots';
    this.#addProblem(repository, model, found.version, reason);
    return undefined;
  }

  async #rootsOf(home: string): Promise<readonly string[]> {
    const roots = this.#roots.get(home) ?? (await realRoots([home, ...(this.#options.linkRoots ?? [])]));
    this.#roots.set(home, roots);
    return roots;
  }

  #addProblem(repository: string, model: string, version: number, reason: string): void {
    this.#options.logger.warn({ repository, model, version, reason }, 'Model cannot be served');
    // As many problems as models: a directory of nothing but problems is bounded too.
    if (this.#problems.length < MAX_MODELS) this.#problems.push({ model, version, reason });
  }

  #refuse(repository: string, reason: string): void {
    this.#unusable.push({
      repository,
      reason: `Cannot use model repository ${quote(repository, 200)}: ${reason}`,
    });
  }
}

/** Whether this entry, at the top, makes it one model's directory. */
function isModelsMark({ name, kind }: Entry): boolean {
  return name === MODEL_FILE || (name === CONFIG_FILE && kind === 'file');
}

/**
 * Whether version directories with models lie at the top: it is one model's directory, not a repository of some. A
 * neighbour that is a model decides for the repository, in which models may be called `1` and `2`.
 */
async function isModelsOwn(listing: Listing): Promise<boolean> {
  const directories = listing.entries.filter(({ kind }) => kind === 'directory');
  let versions = 0;
  for (const { name, path } of directories) {
    if (parseVersion(name) === undefined) continue;
    const inner = await listDirectory(path).catch(() => undefined);
    if (inner?.entries.some(({ name }) => name === MODEL_FILE || name === WAITING_FILE)) versions++;
    else if (inner?.entries.some((entry) => parseVersion(entry.name) !== undefined)) return false;
  }
  if (versions === 0) return false;
  for (const { name, path } of directories) {
    if (parseVersion(name) !== undefined) continue;
    if ((await inspectModelDirectory(path, name).catch(() => undefined))?.isModel) return false;
  }
  return true;
}
