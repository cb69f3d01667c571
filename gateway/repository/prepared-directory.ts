import { join } from 'node:path';
import type { ModelVersion } from '../core/model.js';

/** Where a version keeps the files that its preparation writes: each copy of it in a directory of its own. */
export function preparedDirectory(cacheDir: string, { model, version, revision }: ModelVersion): string {
  return join(cacheDir, model, revision === undefined ? String(version) : `${version}-${revision}`);
}
