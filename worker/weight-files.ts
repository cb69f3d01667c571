import { constants } from 'node:fs';
import { copyFile, mkdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { GatewayError, quote } from '../gateway/core/error.js';
import type { PrepareRequest, SourceFile } from '../gateway/core/manifest.js';
import { sourceFile } from './source-file.js';

/** The files beside a model that hold its weights, which the model names: whoever wrote it is not trusted with paths. */

/** A file of weights. */
export interface WeightFile {
  /** Where the model says it is, relative to the model's directory. */
  readonly location: string;
  /** Where it is, links followed, and what it looked like before it was copied. */
  readonly source: SourceFile;
}

/**
 * Finds the weights beside the model file itself, or beside its link: a cache that names files by their contents has only the
 * links side by side. Throws as `locateWeightFiles`.
 */
export async function findWeights(
  { modelPath, logicalPath }: Pick<PrepareRequest, 'modelPath' | 'logicalPath'>,
  locations: readonly string[],
): Promise<WeightFile[]> {
  try {
    return await locateWeightFiles(modelPath, locations);
  } catch (error) {
    if (logicalPath === undefined) throw error;
    return await locateWeightFiles(logicalPath, locations, dirname(modelPath));
  }
}

/**
 * Finds the files of `locations` (see `externalFiles`) and follows their links, which may lead into the directory `alsoIn`, too. Throws FAILED_PRECONDITION for one that is
 * missing, is no regular file (a FIFO would block whoever opens it), has several names or really lies outside of the model's directory. The
 * runtime checks that too, but not for a copy, and it tells clients the paths.
 */
async function locateWeightFiles(
  modelPath: string,
  locations: readonly string[],
  alsoIn?: string,
): Promise<WeightFile[]> {
  const files: WeightFile[] = [];
  if (locations.length === 0) return files;
  const homes = [dirname(modelPath), ...(alsoIn === undefined ? [] : [alsoIn])];
  const homesReal = await Promise.all(homes.map(async (home) => `${await realpath(home)}${sep}`));
  for (const location of locations) {
    const path = await realpath(join(dirname(modelPath), location)).catch((error: NodeJS.ErrnoException) => {
      throw refuse(`its external data ${quote(location)} cannot be read: ${error.code ?? 'unknown reason'}`);
    });
    if (!homesReal.some((home) => path.startsWith(home)))
      throw refuse(
        `its external data lies outside of its own directory: ${quote(location)} is a link out of it`,
      );
    const facts = await stat(path);
    if (!facts.isFile()) throw refuse(`its external data ${quote(location)} is not a regular file`);
    // A second name may be that of any file of the disk, which whoever wrote the model could not read.
    if (facts.nlink !== 1)
      throw refuse(`its external data ${quote(location)} is a hard link: wanted a file with one name`);
    files.push({ location, source: sourceFile(path, facts) });
  }
  return files;
}

/** Puts the weights at the same places in another directory, beside the copy of the model. */
export async function placeWeightFiles(files: readonly WeightFile[], directory: string): Promise<void> {
  for (const {
    location,
    source: { path },
  } of files) {
    const to = join(directory, location);
    await mkdir(dirname(to), { recursive: true });
    await rm(to, { force: true });
    // A symbolic link would lead out of the directory, and a hard one would make the user's file one with two names. Where the file
    // system can share blocks a copy costs nothing.
    await copyFile(path, to, constants.COPYFILE_FICLONE);
  }
}

/**
 * A name for the rewritten model that none of its weights has: a file of weights may be called `model.onnx`, and as a hard
 * link to write to it would write into the user's repository.
 */
export function freeName(locations: readonly string[]): string {
  const taken = new Set(locations.map(normalize));
  let name = 'model.onnx';
  while (taken.has(name)) name = `rewritten-${name}`;
  return name;
}

function refuse(message: string): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', message, { reason: 'model_error' });
}
