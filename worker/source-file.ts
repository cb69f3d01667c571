import type { Stats } from 'node:fs';
import type { SourceFile } from '../gateway/core/manifest.js';

/** What a file looks like before it is copied: another size, date or inode afterwards, and the copy may be of two files. */
export function sourceFile(path: string, { size, mtimeMs, dev, ino }: Stats): SourceFile {
  return { path, bytes: size, modifiedMs: mtimeMs, inode: `${dev}:${ino}` };
}
