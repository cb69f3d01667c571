import { copyFile, link, mkdir, realpath, rm, stat } from 'node:fs/promises';
import { dirname, join, normalize, sep } from 'node:path';
import { GatewayError, quote } from '../gateway/core/error.js';

/** The files beside a model that hold its weights, which the model names: whoever wrote it is not trusted with paths. */

/** A file of weights. */
export interface WeightFile {
  /** Where the model says it is, relative to the model's directory. */
  readonly location: string;
  /** Where it is, links followed. */
  readonly path: string;
}

/**
 * Finds the files of `locations` (see `externalFiles`) and follows their links. Throws FAILED_PRECONDITION for one that is
 * missing, is no regular file (a FIFO would block whoever opens it) or really lies outside of the model's directory. The
 * runtime checks that too, but not for a copy, and it tells clients the paths.
 */
export async function locateWeightFiles(
  modelPath: string,
  locations: readonly string[],
): Promise<WeightFile[]> {
  const files: WeightFile[] = [];
  if (locations.length === 0) return files;
  const home = `${await realpath(dirname(modelPath))}${sep}`;
  for (const location of locations) {
    const path = await realpath(join(dirname(modelPath), location)).catch((error: NodeJS.ErrnoException) => {
      throw refuse(`its external data ${quote(location)} cannot be read: ${error.code ?? 'unknown reason'}`);
    });
    if (!path.startsWith(home))
      throw refuse(
        `its external data lies outside of its own directory: ${quote(location)} is a link out of it`,
      );
    if (!(await stat(path)).isFile())
      throw refuse(`its external data ${quote(location)} is not a regular file`);
    files.push({ location, path });
  }
  return files;
}

/** Puts the weights at the same places in another directory, for a rewritten model. */
export async function placeWeightFiles(files: readonly WeightFile[], directory: string): Promise<void> {
  for (const { location, path } of files) {
    const to = join(directory, location);
    await mkdir(dirname(to), { recursive: true });
    await rm(to, { force: true });
    // A hard link costs nothing, and is to the file itself: a symbolic one would lead out of the directory.
    await link(path, to).catch(() => copyFile(path, to));
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
