import { stat } from 'node:fs/promises';
import type { ReadConfig } from './model-config.js';

/** A config.pbtxt as it was read. */
interface Kept {
  readonly facts: string;
  readonly read: ReadConfig;
  /** Whether it was read twice with these facts: dates of some file systems are whole seconds, within which a file may change again. */
  readonly sure: boolean;
}

/**
 * What the config.pbtxt of models say, kept from look to look while the files are the same by size, dates and inode: to parse those
 * of a thousand models takes half a second, to look at their dates a fraction of that. `next` begins a look; what two looks have not
 * asked for is forgotten.
 */
export class ConfigCache {
  #before = new Map<string, Kept>();
  #kept = new Map<string, Kept>();

  next(): void {
    this.#before = this.#kept;
    this.#kept = new Map();
  }

  /** Of the file at this path, for a model of this name; `read` is asked where that is not known. */
  async get(path: string, model: string, read: () => Promise<ReadConfig>): Promise<ReadConfig> {
    const facts = await factsOf(path);
    if (facts === undefined) return read();
    const key = `${model}\0${path}`;
    const kept = this.#kept.get(key) ?? this.#before.get(key);
    const same = kept?.facts === facts;
    const next = same && kept.sure ? kept : { facts, read: await read(), sure: same };
    this.#kept.set(key, next);
    return next.read;
  }
}

async function factsOf(path: string): Promise<string | undefined> {
  const facts = await stat(path).catch(() => undefined);
  return facts && `${facts.size} ${facts.mtimeMs} ${facts.ctimeMs} ${facts.dev}:${facts.ino}`;
}
