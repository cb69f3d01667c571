import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelVersion } from '../core/model.js';

/** Where a version keeps the files that its preparation writes: each copy of it in a directory of its own. */
export function preparedDirectory(cacheDir: string, { model, version, revision }: ModelVersion): string {
  return join(cacheDir, model, revision === undefined ? String(version) : `${version}-${revision}`);
}

/** Removes such a directory, as far as that works: what is left is gone with the server. Never rejects. */
export async function discard(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true }).catch(() => {});
}
