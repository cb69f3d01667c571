import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../core/error.js';
import { fileProblem } from '../core/file-problem.js';
import { type ModelConfiguration, WARM_UP_FOLDER } from '../core/model-configuration.js';
import type { ConfigCache } from './config-cache.js';
import { CONFIG_FILE } from './config-faults.js';
import { findConfiguration } from './find-configuration.js';
import { fingerprint } from './fingerprint.js';
import type { FoundVersion, Problem } from './found.js';
import { type Entry, listDirectory } from './list-directory.js';
import type { ModelOverride } from './model-override.js';
import { parseVersion } from './names.js';

/** The file (or directory, as Triton also lays it out) that makes a directory a version, unless config.pbtxt names another. */
export const MODEL_FILE = 'model.onnx';

/** Makes a directory a version of a waiting model: synthetic, served only when the server was told so. */
export const WAITING_FILE = 'model.wait.json';

/** Most versions of one model; beyond it the oldest are left out. */
const MAX_VERSIONS = 1000;

/** What one directory turned out to be. */
export interface Inspection {
  /** False for a directory of something else (scripts, data): nothing is to be said about it. */
  readonly isModel: boolean;
  readonly versions: readonly FoundVersion[];
  readonly problems: readonly Omit<Problem, 'model'>[];
  /** For the log: what was left out, and why. */
  readonly warnings: readonly string[];
  /** What its config.pbtxt says; undefined where there is none, or no usable one. */
  readonly configuration?: ModelConfiguration;
}

const NOT_A_MODEL: Inspection = { isModel: false, versions: [], problems: [], warnings: [] };

/**
 * Takes a directory for that of a model of this name and says what is in it. Rejects as `opendir` does.
 * @param override what is taken in place of its config.pbtxt @param cache what is known of that from former looks
 * @param roots real paths that it may lead to
 */
export async function inspectModelDirectory(
  path: string,
  model: string,
  override?: ModelOverride,
  cache?: ConfigCache,
  roots?: readonly string[],
): Promise<Inspection> {
  const { entries, truncated } = await listDirectory(path);
  const config = override?.configuration ?? (await findConfiguration(entries, model, cache, roots));
  if (config !== undefined && 'fault' in config)
    return unusable(`failed to load model ${quote(model)}: ${config.fault}`);
  const modelFile = config?.configuration.defaultModelFilename ?? MODEL_FILE;
  const directories = entries.filter((entry) => entry.kind === 'directory' && entry.name !== modelFile);
  const versioned = directories.filter((entry) => parseVersion(entry.name) !== undefined);
  const bare = entries.find((entry) => entry.name === modelFile);
  if (versioned.length === 0 && bare === undefined) {
    if (config !== undefined)
      return unusable(`it has a ${CONFIG_FILE}, but no version: wanted 1/${modelFile} beside it`);
    return withoutVersions(entries, directories);
  }

  const warnings: string[] = [...(config?.warnings ?? [])];
  if (truncated) warnings.push('it holds more entries than are looked at: some were left out');
  for (const { name } of directories)
    if (parseVersion(name) === undefined && !(config?.configuration.warmUp && name === WARM_UP_FOLDER))
      warnings.push(`directory ${quote(name)} ${NOT_A_VERSION}`);
  if (bare !== undefined && versioned.length > 0)
    warnings.push(`${modelFile} beside version directories is not served: move it into one of them`);

  const found = { isModel: true, warnings, ...(config && { configuration: config.configuration }) };
  const listed = await findVersions(path, versioned, modelFile, warnings);
  const shared = await fingerprint(sharedFiles(entries, config?.configuration), override?.digest);
  return { ...found, ...listed, versions: await withFingerprints(path, listed.versions, versioned, shared) };
}

/** What all versions of a model read: its configuration, and the files that this names. */
function sharedFiles(entries: readonly Entry[], configuration: ModelConfiguration | undefined): Entry[] {
  const named = new Set<string>([CONFIG_FILE]);
  for (const { labelFilename } of configuration?.outputs ?? []) if (labelFilename) named.add(labelFilename);
  if (configuration?.warmUp) named.add(WARM_UP_FOLDER);
  return entries.filter(({ name }) => named.has(name));
}

async function withFingerprints(
  path: string,
  versions: readonly FoundVersion[],
  versioned: readonly Entry[],
  shared: string,
): Promise<FoundVersion[]> {
  const marked: FoundVersion[] = [];
  for (const found of versions) {
    const directory = versioned.find(({ name }) => parseVersion(name) === found.version)?.path ?? path;
    marked.push({
      ...found,
      fingerprint: await fingerprint([{ path: directory, kind: 'directory' }], shared),
    });
  }
  return marked;
}

/** The versions with a model file; those without are problems. A bare model is its own version 1. */
async function findVersions(
  path: string,
  versioned: readonly Entry[],
  modelFile: string,
  warnings: string[],
): Promise<Pick<Inspection, 'versions' | 'problems'>> {
  const newest = versioned
    .map((entry) => ({ entry, version: parseVersion(entry.name) as number }))
    .sort((a, b) => a.version - b.version);
  if (newest.length > MAX_VERSIONS) {
    warnings.push(`of ${newest.length} versions only the newest ${MAX_VERSIONS} are looked at`);
    newest.splice(0, newest.length - MAX_VERSIONS);
  }
  const versions: FoundVersion[] = [];
  const problems: Omit<Problem, 'model'>[] = [];
  const candidates = versioned.length > 0 ? newest : [{ entry: { path }, version: 1 }];
  for (const { entry, version } of candidates) {
    const found = await findModelFile(entry.path, version, modelFile);
    if (typeof found === 'string') problems.push({ version, reason: found });
    else versions.push(found);
  }
  return { versions, problems };
}

function unusable(reason: string): Inspection {
  return { isModel: true, versions: [], problems: [{ version: 0, reason }], warnings: [] };
}

const NOT_A_VERSION =
  'is not a version and is ignored: wanted a positive integer without leading zeros, at most 2^53 - 1';

/** A model whose every version directory is misnamed is a mistake worth naming; any other directory is no model. */
async function withoutVersions(
  entries: readonly Entry[],
  directories: readonly Entry[],
): Promise<Inspection> {
  // A model's directory has few others in it; looking into all of a foreign tree would be a waste.
  for (const { name, path } of directories.slice(0, 20)) {
    if (!/^[-+v]?\d/.test(name) || typeof (await findModelFile(path, 1, MODEL_FILE)) === 'string') continue;
    const reason = `no usable version: directory ${quote(name)} ${NOT_A_VERSION}`;
    return unusable(reason);
  }
  const stray = entries.find((entry) => entry.kind === 'file' && entry.name.endsWith('.onnx'));
  if (stray === undefined) return NOT_A_MODEL;
  const warning = `holds ${quote(stray.name)} but no ${MODEL_FILE} and no version directory: it is not served`;
  return { ...NOT_A_MODEL, warnings: [warning] };
}

/** The model file of a version's directory, or the reason why there is none. */
async function findModelFile(
  directory: string,
  version: number,
  modelFile: string,
): Promise<FoundVersion | string> {
  try {
    const path = join(directory, modelFile);
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isFile()) {
      return { version, modelPath: path, bytes: facts.size, modifiedMs: facts.mtimeMs };
    }
    if (facts?.isDirectory()) return await findInModelDirectory(path, version, modelFile);
    const waitingPath = join(directory, WAITING_FILE);
    const waiting = await stat(waitingPath).catch(() => undefined);
    if (waiting?.isFile())
      return { version, modelPath: waitingPath, bytes: waiting.size, modifiedMs: waiting.mtimeMs };
    const { entries } = await listDirectory(directory);
    const shown = entries.slice(0, 5).map(({ name }) => quote(name, 40));
    return `its directory holds no ${modelFile}${shown.length === 0 ? ' (it is empty)' : `, but ${shown.join(', ')}`}`;
  } catch (error) {
    return `its directory cannot be read: ${fileProblem(error)}`;
  }
}

/** Triton's layout for a model in several files: a directory `model.onnx/` with the model and its data inside. */
async function findInModelDirectory(
  path: string,
  version: number,
  modelFile: string,
): Promise<FoundVersion | string> {
  const { entries } = await listDirectory(path);
  const models = entries.filter(({ name, kind }) => kind === 'file' && name.endsWith('.onnx'));
  const model =
    models.find(({ name }) => name === MODEL_FILE) ?? (models.length === 1 ? models[0] : undefined);
  if (model === undefined)
    return `its directory ${modelFile}/ holds ${models.length} .onnx files: wanted ${MODEL_FILE}`;
  const facts = await stat(model.path);
  return { version, modelPath: model.path, bytes: facts.size, modifiedMs: facts.mtimeMs };
}
