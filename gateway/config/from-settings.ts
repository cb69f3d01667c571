import { loadConfig } from './load.js';
import type { Config } from './schema.js';

type Partially<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Partially<T[K]> }
    : T;

/** Any part of the configuration, as sluice.yaml nests it: what a program that embeds the gateway gives. */
export type Settings = Partially<Config>;

/**
 * Checks settings given by a program as strictly as a file's, and adds the defaults. Neither flags, nor environment, nor
 * sluice.yaml are looked at. Throws a ConfigError with every fault.
 */
export function configFrom(settings: Settings): Config {
  // JSON is YAML: one parser, one schema, one set of messages.
  const text = JSON.stringify(settings, null, 2);
  return loadConfig({ argv: ['--config-file', 'settings'], env: {}, readFile: () => text }).config;
}
