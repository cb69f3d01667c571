import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Most entries of one directory that are looked at; a hostile or mistaken directory costs no more than this. */
const MAX_ENTRIES = 20_000;

/** One entry of a directory, symbolic links followed. */
export interface Entry {
  readonly name: string;
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

/** A directory's entries by name; `truncated` when it holds more than are looked at. */
export interface Listing {
  readonly entries: readonly Entry[];
  readonly truncated: boolean;
}

/**
 * Lists files and directories. Hidden entries are left out: among them are the `..data` links that Kubernetes keeps
 * in a mounted volume. Links are followed, since that is how such a volume shows its files; one that leads nowhere
 * and what is neither file nor directory are left out too. Rejects as `opendir` does.
 */
export async function listDirectory(path: string): Promise<Listing> {
  const entries: Entry[] = [];
  let seen = 0;
  for await (const found of await opendir(path)) {
    if (++seen > MAX_ENTRIES) return { entries: entries.sort(byName), truncated: true };
    if (found.name.startsWith('.')) continue;
    const at = join(path, found.name);
    let kind = found.isDirectory() ? 'directory' : found.isFile() ? 'file' : undefined;
    if (found.isSymbolicLink()) {
      const target = await stat(at).catch(() => undefined);
      kind = target?.isDirectory() ? 'directory' : target?.isFile() ? 'file' : undefined;
    }
    if (kind === 'file' || kind === 'directory') entries.push({ name: found.name, path: at, kind });
  }
  return { entries: entries.sort(byName), truncated: false };
}

function byName(a: Entry, b: Entry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
