import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '../core/error.js';
import type { FoundVersion, Problem } from './found.js';
import { type Entry, fileProblem, listDirectory } from './list-directory.js';
import { parseVersion } from './names.js';

/** The file (or directory, as Triton also lays it out) that makes a directory a version. */
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
}

const NOT_A_MODEL: Inspection = { isModel: false, versions: [], problems: [], warnings: [] };

/** Takes a directory for a model's and says what is in it. Rejects as `opendir` does. */
export async function inspectModelDirectory(path: string): Promise<Inspection> {
  const { entries, truncated } = await listDirectory(path);
  const directories = entries.filter((entry) => entry.kind === 'directory' && entry.name !== MODEL_FILE);
  const versioned = directories.filter((entry) => parseVersion(entry.name) !== undefined);
  const bare = entries.find((entry) => entry.name === MODEL_FILE);
  if (versioned.length === 0 && bare === undefined) return withoutVersions(entries, directories);

  const warnings: string[] = [];
  if (truncated) warnings.push('it holds more entries than are looked at: some were left out');
  for (const { name } of directories)
    if (parseVersion(name) === undefined) warnings.push(`directory ${quote(name)} ${NOT_A_VERSION}`);
  if (bare !== undefined && versioned.length > 0)
    warnings.push(`${MODEL_FILE} beside version directories is not served: move it into one of them`);

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
    const found = await findModelFile(entry.path, version);
    if (typeof found === 'string') problems.push({ version, reason: found });
    else versions.push(found);
  }
  return { isModel: true, versions, problems, warnings };
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
    if (!/^[-+v]?\d/.test(name) || typeof (await findModelFile(path, 1)) === 'string') continue;
    const reason = `no usable version: directory ${quote(name)} ${NOT_A_VERSION}`;
    return { isModel: true, versions: [], problems: [{ version: 0, reason }], warnings: [] };
  }
  const stray = entries.find((entry) => entry.kind === 'file' && entry.name.endsWith('.onnx'));
  if (stray === undefined) return NOT_A_MODEL;
  const warning = `holds ${quote(stray.name)} but no ${MODEL_FILE} and no version directory: it is not served`;
  return { ...NOT_A_MODEL, warnings: [warning] };
}

/** The model file of a version's directory, or the reason why there is none. */
async function findModelFile(directory: string, version: number): Promise<FoundVersion | string> {
  try {
    const path = join(directory, MODEL_FILE);
    const facts = await stat(path).catch(() => undefined);
    if (facts?.isFile()) {
      return { version, modelPath: path, bytes: facts.size, modifiedMs: facts.mtimeMs };
    }
    if (facts?.isDirectory()) return await findInModelDirectory(path, version);
    const waitingPath = join(directory, WAITING_FILE);
    const waiting = await stat(waitingPath).catch(() => undefined);
    if (waiting?.isFile())
      return { version, modelPath: waitingPath, bytes: waiting.size, modifiedMs: waiting.mtimeMs };
    const { entries } = await listDirectory(directory);
    const shown = entries.slice(0, 5).map(({ name }) => quote(name, 40));
    return `its directory holds no ${MODEL_FILE}${shown.length === 0 ? ' (it is empty)' : `, but ${shown.join(', ')}`}`;
  } catch (error) {
    return `its directory cannot be read: ${fileProblem(error)}`;
  }
}

/** Triton's layout for a model in several files: a directory `model.onnx/` with the model and its data inside. */
async function findInModelDirectory(path: string, version: number): Promise<FoundVersion | string> {
  const { entries } = await listDirectory(path);
  const models = entries.filter(({ name, kind }) => kind === 'file' && name.endsWith('.onnx'));
  const model =
    models.find(({ name }) => name === MODEL_FILE) ?? (models.length === 1 ? models[0] : undefined);
  if (model === undefined)
    return `its directory ${MODEL_FILE}/ holds ${models.length} .onnx files: wanted ${MODEL_FILE}`;
  const facts = await stat(model.path);
  return { version, modelPath: model.path, bytes: facts.size, modifiedMs: facts.mtimeMs };
}
