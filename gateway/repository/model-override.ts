import { createHash } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GatewayError, quote } from '../core/error.js';
import { fileProblem } from '../core/file-problem.js';
import type { ModelLoad } from '../core/model-control.js';
import { MAX_CONFIG_BYTES } from './find-configuration.js';
import { type ReadConfig, readModelConfigJson } from './model-config.js';
import { isModelName, MODEL_NAME_RULE, parseVersion } from './names.js';

/** What a call that loaded a model gave in place of what is in the repository. */
export interface ModelOverride {
  readonly configuration: Exclude<ReadConfig, { fault: string }>;
  /** Of all that was given: another one is another model. */
  readonly digest: string;
  /** Where the files that were given are; undefined: those of the repository. */
  readonly directory?: string;
}

/** Most files of one load, and longest path of one. */
const MAX_FILES = 1000;
const MAX_PATH_CHARS = 512;

/** Throws INVALID_ARGUMENT for a name that no model can have: one that leads out of the repository, say. */
export function checkModelName(model: string): void {
  if (isModelName(model)) return;
  const message = `failed to load ${quote(model)}: not a legal name for a model, wanted ${MODEL_NAME_RULE}`;
  throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'model_name' });
}

/**
 * Reads what a load brings with it; undefined where that is nothing. `directoryOf` names the directory for its files, which are
 * written there: their paths were checked. Throws INVALID_ARGUMENT for a configuration that cannot be used.
 */
export async function readOverride(
  { model, config, files }: ModelLoad,
  directoryOf: (digest: string) => string,
): Promise<ModelOverride | undefined> {
  if (config === undefined) {
    if (files.size === 0) return undefined;
    throw refuse(model, "files are given without a configuration: wanted parameter 'config', too", 'config');
  }
  if (config.length > MAX_CONFIG_BYTES) {
    const why = `its config has ${config.length} characters, at most ${MAX_CONFIG_BYTES} are read`;
    throw refuse(model, why, 'config');
  }
  const read = readModelConfigJson(config, model);
  if ('fault' in read) throw refuse(model, read.fault, 'config');
  const hash = createHash('sha256').update(config);
  for (const [path, content] of files) hash.update(`\0${path}\0${content.length}\0`).update(content);
  const digest = hash.digest('base64url');
  if (files.size === 0) return { configuration: read, digest };
  const directory = directoryOf(digest);
  await writeFiles(model, files, directory);
  return { configuration: read, digest, directory };
}

/** All of the files or none, in one step; the same ones, which may be in use, are left as they are. */
async function writeFiles(
  model: string,
  files: ReadonlyMap<string, Uint8Array>,
  directory: string,
): Promise<void> {
  if ((await stat(directory).catch(() => undefined)) !== undefined) return;
  const aside = `${directory}.new`;
  try {
    for (const [path, content] of files) {
      await mkdir(dirname(join(aside, path)), { recursive: true });
      await writeFile(join(aside, path), content);
    }
    await rename(aside, directory);
  } catch (cause) {
    await rm(aside, { recursive: true, force: true });
    const message = `failed to load ${quote(model)}: its files cannot be written (cacheDir): ${fileProblem(cause)}`;
    throw new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error', cause });
  }
}

/** Throws INVALID_ARGUMENT for a path of a file that leads elsewhere; INTERNAL, as Triton does, for one that is none. */
export function checkPaths(model: string, files: ReadonlyMap<string, Uint8Array>): void {
  if (files.size > MAX_FILES)
    throw refuse(model, `${files.size} files are given, at most ${MAX_FILES} are taken`, 'file');
  for (const path of files.keys()) {
    const [version = '', ...names] = path.split('/');
    const legal = names.every((name) => /^(?!\.{1,2}$)[^\\\p{Cc}]{1,255}$/u.test(name));
    if (path.split(/[/\\]/).includes('..') || path.startsWith('/'))
      throw refuse(model, `file ${quote(path)} leads out of the model's directory`, 'file');
    if (names.length === 0 || names.length > 4 || path.length > MAX_PATH_CHARS || !legal) {
      const message = `failed to load ${quote(model)}, failed to poll from model repository: file ${quote(path)} is no path, wanted <version>/<name>`;
      throw new GatewayError('INTERNAL', message, { reason: 'bad_request', field: 'file' });
    }
    if (parseVersion(version) === undefined)
      throw refuse(model, `file ${quote(path)} is of no version: wanted <version>/<name>`, 'file');
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder))
      if (files.has(folder))
        throw refuse(model, `file ${quote(folder)} is also the directory of file ${quote(path)}`, 'file');
  }
}

function refuse(model: string, why: string, parameter: string): GatewayError {
  return new GatewayError('INVALID_ARGUMENT', `failed to load ${quote(model)}: ${why}`, {
    reason: 'bad_request',
    field: `parameters['${parameter}']`,
  });
}
