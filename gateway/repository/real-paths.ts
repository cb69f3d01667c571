import { realpath } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';

/** Where a model file really is, its links followed. */
export interface RealModel {
  /** The file itself: a link that is swapped is another file, in one step. */
  readonly modelPath: string;
  /** The file by the name that it has in its version's directory, where that is another one: its weights may lie beside either. */
  readonly logicalPath?: string;
}

/** The real paths of directories; those that are not there are left out. */
export async function realRoots(paths: readonly string[]): Promise<string[]> {
  const real = await Promise.all(paths.map((path) => realpath(path).catch(() => undefined)));
  return real.filter((path) => path !== undefined);
}

/** Follows the links of a model file; undefined where it really lies under none of `roots`. Rejects as `realpath` does. */
export async function realModel(path: string, roots: readonly string[]): Promise<RealModel | undefined> {
  const modelPath = await realpath(path);
  const logicalPath = join(await realpath(dirname(path)), basename(path));
  for (const real of [modelPath, logicalPath])
    if (!roots.some((root) => liesUnder(real, root))) return undefined;
  return modelPath === logicalPath ? { modelPath } : { modelPath, logicalPath };
}

/** Whether a file really lies under one of `roots`; false where that cannot be told. */
export async function leadsInside(path: string, roots: readonly string[]): Promise<boolean> {
  const real = await realpath(path).catch(() => undefined);
  return real !== undefined && roots.some((root) => liesUnder(real, root));
}

function liesUnder(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}
