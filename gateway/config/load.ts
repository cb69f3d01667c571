import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { crossCheck } from './cross-check.js';
import { readEnvironment } from './environment.js';
import { type FileValues, MAX_FILE_BYTES, parseConfigFile } from './file.js';
import { type FlagValues, parseFlags } from './flags.js';
import type { Machine } from './machine.js';
import { ConfigError, type Problem, show } from './problem.js';
import { type Config, NAMED_SETTINGS, type NamedSetting } from './schema.js';

/** Where settings come from, and what is checked. */
export interface LoadOptions {
  /** Arguments after the program's (and the command's) name. @default none */
  readonly argv?: readonly string[];
  /** @default the environment of the process */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where relative paths start and `sluice.yaml` is looked for. @default the working directory */
  readonly cwd?: string;
  /** Reads a text file; throws an error with code ENOENT where there is none. @default from the disk, at most 1 MiB */
  readonly readFile?: (path: string) => string;
  /** When given, `workers` is checked against its cores along with everything else. @default not checked */
  readonly machine?: Machine;
  /** Whether it is a fault that no model repository is named. @default false */
  readonly requireModels?: boolean;
}

/** A configuration and where it came from. */
export interface LoadedConfig {
  /** Deeply frozen. */
  readonly config: Config;
  /** By setting path: `default`, `flag --grpc-port`, `environment SLUICE_GRPC_PORT`, `file sluice.yaml:3:9`. */
  readonly sources: Readonly<Record<string, string>>;
  /** What was accepted without effect, and what will probably surprise. */
  readonly warnings: readonly string[];
}

/** A setting's value from one source. */
interface Candidate {
  readonly value: unknown;
  readonly source: string;
}

const DEFAULT_FILE = 'sluice.yaml';

/**
 * Makes the one configuration from flags, environment, file and defaults, in this order of precedence. A list that is
 * given replaces the one of a lower source. Throws a ConfigError that holds every fault found in any of them.
 */
export function loadConfig(options: LoadOptions = {}): LoadedConfig {
  const { argv = [], env = process.env, cwd = process.cwd(), readFile = readBounded } = options;
  const problems: Problem[] = [];
  const flags = parseFlags(argv);
  const environment = readEnvironment(env);
  problems.push(...flags.problems);

  const file = findFile(flags.configFile, environment.configFile, cwd, readFile, problems);
  problems.push(...(file?.values.problems ?? []));

  const config: Record<string, unknown> = {};
  const sources: Record<string, string> = {};
  for (const named of NAMED_SETTINGS) {
    const chosen =
      fromFlags(named, flags, cwd, problems) ??
      fromTexts(named, environment.given.get(named.path), cwd, problems) ??
      fromFile(named, file);
    put(config, named.keys, chosen === undefined ? named.setting.spec.default : chosen.value);
    sources[named.path] = chosen?.source ?? 'default';
  }
  const typed = config as unknown as Config;
  const checks = crossCheck(typed, sources, options);
  problems.push(...checks.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    config: deepFreeze(typed),
    sources,
    warnings: [...flags.warnings, ...environment.warnings, ...checks.warnings, ...surprises(flags, sources)],
  };
}

/** What a start-up line written for Triton would get otherwise than its author expects. */
function surprises(flags: FlagValues, sources: Readonly<Record<string, string>>): string[] {
  const onLoopback = ['grpc', 'http'].filter((section) => sources[`${section}.address`] === 'default');
  if (!flags.asTriton || onLoopback.length === 0) return [];
  const how = onLoopback.map((section) => `--${section}-address=0.0.0.0`).join(' ');
  const variables = onLoopback.map((section) => `SLUICE_${section.toUpperCase()}_ADDRESS`).join(', ');
  return [
    `only this machine can reach the server, while Triton listens everywhere: add ${how}, or set ${variables}`,
  ];
}

interface FoundFile {
  readonly values: FileValues;
  readonly directory: string;
}

function findFile(
  byFlag: string | undefined,
  byEnvironment: string | undefined,
  cwd: string,
  readFile: (path: string) => string,
  problems: Problem[],
): FoundFile | undefined {
  const named = byFlag ?? byEnvironment;
  const path = resolve(cwd, named ?? DEFAULT_FILE);
  let text: string;
  try {
    text = readFile(path);
    if (Buffer.byteLength(text) > MAX_FILE_BYTES) throw tooLarge();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && named === undefined) return undefined;
    const source = byFlag !== undefined ? 'flag --config-file' : 'environment SLUICE_CONFIG';
    problems.push({
      path: 'configuration file',
      source: named === undefined ? `file ${DEFAULT_FILE}` : source,
      message: `cannot read ${show(named ?? DEFAULT_FILE)}: ${code === 'ENOENT' ? 'there is no such file' : message}`,
    });
    return undefined;
  }
  return { values: parseConfigFile(named ?? DEFAULT_FILE, text), directory: dirname(path) };
}

function fromFile(named: NamedSetting, file: FoundFile | undefined): Candidate | undefined {
  const value = file?.values.values.get(named.path);
  if (file === undefined || value === undefined) return undefined;
  return { value: settle(named, value, file.directory), source: file.values.source(named.path) };
}

function fromFlags(
  named: NamedSetting,
  flags: FlagValues,
  cwd: string,
  problems: Problem[],
): Candidate | undefined {
  return fromTexts(named, flags.given.get(named.path), cwd, problems);
}

function fromTexts(
  named: NamedSetting,
  given: { readonly texts: readonly string[]; readonly source: string } | undefined,
  cwd: string,
  problems: Problem[],
): Candidate | undefined {
  if (given === undefined) return undefined;
  const { spec } = named.setting;
  const read = given.texts.map(spec.fromText);
  const value = spec.form === 'list' ? read : read.at(-1);
  const bad = given.texts.filter((_, i) => {
    const item = read[i];
    return item === undefined || !spec.type.safeParse(spec.form === 'list' ? [item] : item).success;
  });
  for (const text of bad) {
    const message = `wanted ${spec.wanted}, got ${show(text)}`;
    problems.push({ path: named.path, source: given.source, message });
  }
  return bad.length > 0
    ? { value: spec.default, source: given.source }
    : { value: settle(named, value, cwd), source: given.source };
}

/** Makes paths absolute, and takes a mapping's prototype away: a model may be called `constructor`. */
function settle({ setting: { spec } }: NamedSetting, value: unknown, base: string): unknown {
  if (spec.form === 'file-only') return Object.assign(Object.create(null), value);
  if (spec.isPath !== true) return value;
  return Array.isArray(value)
    ? value.map((path: string) => resolve(base, path))
    : resolve(base, value as string);
}

function put(into: Record<string, unknown>, keys: readonly string[], value: unknown): void {
  const [first, second] = keys as [string, string?];
  if (second === undefined) into[first] = value;
  else {
    into[first] ??= {};
    (into[first] as Record<string, unknown>)[second] = value;
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const inner of Object.values(value)) deepFreeze(inner);
  }
  return value;
}

function tooLarge(): Error {
  return new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
}

/** Reads at most one byte more than is allowed, so that a huge or endless file does no harm. */
function readBounded(path: string): string {
  const fd = openSync(path, 'r');
  try {
    if (!fstatSync(fd).isFile()) throw new Error('it is not a file');
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1);
    let length = 0;
    for (;;) {
      const read = readSync(fd, buffer, length, buffer.length - length, null);
      length += read;
      if (read === 0 || length === buffer.length) break;
    }
    if (length > MAX_FILE_BYTES) throw tooLarge();
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, length));
  } finally {
    closeSync(fd);
  }
}
