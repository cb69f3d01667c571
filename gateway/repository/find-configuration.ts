import { readTextFile } from '../core/read-text-file.js';
import type { ConfigCache } from './config-cache.js';
import { CONFIG_FILE } from './config-faults.js';
import type { Entry } from './list-directory.js';
import { type ReadConfig, readModelConfig } from './model-config.js';
import { leadsInside } from './real-paths.js';

/** Far more than any configuration that was written by hand. */
export const MAX_CONFIG_BYTES = 1024 * 1024;

/** Reads the config.pbtxt among a model's entries, where `cache` does not know it; undefined when it has none. Never rejects. */
export async function findConfiguration(
  entries: readonly Entry[],
  model: string,
  cache?: ConfigCache,
  roots?: readonly string[],
): Promise<ReadConfig | undefined> {
  const found = entries.find(({ name, kind }) => name === CONFIG_FILE && kind === 'file');
  if (found === undefined) return undefined;
  const { path } = found;
  // Clients are shown the faults of it, which quote what is there.
  if (roots !== undefined && !(await leadsInside(path, roots)))
    return {
      fault: `its ${CONFIG_FILE} is a link that leads out of the repository: wanted one under it or under linkRoots`,
    };
  return cache === undefined ? read(path, model) : cache.get(path, model, () => read(path, model));
}

async function read(path: string, model: string): Promise<ReadConfig> {
  const file = await readTextFile(path, MAX_CONFIG_BYTES);
  if ('fault' in file) return { fault: `its ${CONFIG_FILE} cannot be read: ${file.fault}` };
  return readModelConfig(file.text, model);
}
