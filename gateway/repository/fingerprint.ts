import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { listDirectory } from './list-directory.js';

/** Most files of one version that are looked at, and how deep: a hostile tree costs no more. */
const MAX_FILES = 1000;
const MAX_DEPTH = 4;

/**
 * A digest of what the files of directories look like: names, sizes, dates and inodes, links followed. It changes when one is
 * written, replaced or removed, and costs a `stat` each. `extra` is taken in as it is. Never rejects: what cannot be read counts
 * as missing.
 */
export async function fingerprint(
  paths: readonly { readonly path: string; readonly kind: 'file' | 'directory' }[],
  extra = '',
): Promise<string> {
  const hash = createHash('sha256').update(extra);
  const budget = { files: MAX_FILES };
  for (const { path, kind } of paths) {
    if (kind === 'file') hash.update(await fileLine(path, budget));
    else for (const line of await treeLines(path, MAX_DEPTH, budget)) hash.update(line);
  }
  return hash.digest('base64url');
}

async function treeLines(path: string, depth: number, budget: { files: number }): Promise<string[]> {
  const lines: string[] = [];
  const listing = depth > 0 ? await listDirectory(path).catch(() => undefined) : undefined;
  for (const entry of listing?.entries ?? []) {
    if (budget.files <= 0) break;
    if (entry.kind === 'file') lines.push(await fileLine(entry.path, budget));
    else lines.push(...(await treeLines(entry.path, depth - 1, budget)));
  }
  return lines;
}

async function fileLine(path: string, budget: { files: number }): Promise<string> {
  budget.files--;
  const facts = await stat(path).catch(() => undefined);
  if (facts === undefined) return `${path}\0-\n`;
  return `${path}\0${facts.size} ${facts.mtimeMs} ${facts.dev}:${facts.ino}\n`;
}
