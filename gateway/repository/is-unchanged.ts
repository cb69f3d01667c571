import { stat } from 'node:fs/promises';
import type { SourceFile } from '../core/manifest.js';
import type { FoundVersion } from './found.js';

/**
 * Whether a version's model file is still the one that was found, and all files that it was copied from (`sources`) are still what they were
 * before: by size, date and inode. Never rejects.
 */
export async function isUnchanged(
  { modelPath, bytes, modifiedMs }: FoundVersion,
  sources: readonly SourceFile[] = [],
): Promise<boolean> {
  const model = await stat(modelPath).catch(() => undefined);
  if (model?.size !== bytes || model.mtimeMs !== modifiedMs) return false;
  for (const source of sources) {
    const facts = await stat(source.path).catch(() => undefined);
    const same =
      facts?.size === source.bytes &&
      facts.mtimeMs === source.modifiedMs &&
      `${facts.dev}:${facts.ino}` === source.inode;
    if (!same) return false;
  }
  return true;
}
