import { createRequire } from 'node:module';
import type * as z from 'zod';
import { didYouMean, type Problem, show } from './problem.js';
import { FILE_TYPE, NAMED_SETTINGS, SECTIONS, SETTINGS } from './schema.js';

/** Of the servers that have no such file none needs the parser: 70 modules, a twentieth of a start. */
const loadYaml = (): typeof import('yaml') => createRequire(import.meta.url)('yaml') as typeof import('yaml');

/** Largest configuration file, in bytes: it is read and parsed before anything bounds the process. */
export const MAX_FILE_BYTES = 1024 * 1024;

/** Aliases may be used, but not to blow a small file up into a large value. */
const MAX_ALIASES = 100;

/** What a configuration file says. */
export interface FileValues {
  /** Values by setting path; only those that are given and good. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Where a setting is given: `file sluice.yaml:3:9`. */
  source(path: string): string;
  readonly problems: readonly Problem[];
}

type Path = readonly PropertyKey[];

/** Parses and validates the text of a sluice.yaml; reports every fault with its line and column. Never throws. */
export function parseConfigFile(fileName: string, text: string): FileValues {
  const { LineCounter, parseDocument } = loadYaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const at = (offset: number | undefined): string => {
    if (offset === undefined) return `file ${fileName}`;
    const { line, col } = lines.linePos(offset);
    return `file ${fileName}:${line}:${col}`;
  };
  const source = (path: Path): string => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number] } | undefined;
      if (node?.range) return at(node.range[0]);
    }
    return at(undefined);
  };
  const none = { values: new Map<string, unknown>(), source: () => at(undefined) };

  if (document.errors.length > 0) {
    const problems = document.errors
      .slice(0, 20)
      .map(({ message, pos }) => ({ path: 'YAML', source: at(pos[0]), message }));
    return { ...none, problems };
  }
  let tree: unknown;
  try {
    tree = withoutEmptySections(document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...none, problems: [{ path: 'YAML', source: at(undefined), message }] };
  }
  const { error } = FILE_TYPE.safeParse(tree);
  const problems = (error?.issues ?? []).flatMap((issue) => toProblems(issue, tree, source));
  const values = new Map<string, unknown>();
  for (const { path, keys } of NAMED_SETTINGS) {
    const value = valueAt(tree, keys);
    if (value !== undefined && !problems.some((problem) => concerns(problem, path))) values.set(path, value);
  }
  return { values, source: (path) => source(path.split('.')), problems };
}

function concerns(problem: Problem, path: string): boolean {
  return problem.path === path || problem.path.startsWith(`${path}.`) || problem.path.startsWith(`${path}[`);
}

/** `grpc:` with every line below it commented out is a section without settings, not a fault. */
function withoutEmptySections(tree: unknown): unknown {
  if (tree === null || tree === undefined) return {};
  if (typeof tree !== 'object' || Array.isArray(tree)) return tree;
  return Object.fromEntries(
    Object.entries(tree).filter(
      ([key, value]) => value !== null || !(SECTIONS.includes(key) || key === 'models'),
    ),
  );
}

function valueAt(tree: unknown, path: Path): unknown {
  let value = tree;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function pathText(path: Path): string {
  const joined = path
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`))
    .join('');
  return joined === '' ? 'sluice.yaml' : joined.slice(0, 200);
}

function toProblems(issue: z.core.$ZodIssue, tree: unknown, source: (path: Path) => string): Problem[] {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(issue.path, key, source));
  const path = pathText(issue.path);
  const given = show(valueAt(tree, issue.path));
  return [{ path, source: source(issue.path), message: `wanted ${wantedAt(issue)}, got ${given}` }];
}

function unknownKey(section: Path, key: string, source: (path: Path) => string): Problem {
  const path = [...section, key];
  const siblings = mappingOf(section)?.fields ?? Object.keys(sectionAt(section));
  const hint =
    didYouMean(key, siblings) ??
    didYouMean(
      pathText(path),
      NAMED_SETTINGS.map((named) => named.path),
    );
  return {
    path: pathText(path),
    source: source(path),
    message: 'no such setting',
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Settings that hold a section for each name. */
const MAPPINGS: readonly {
  readonly keys: Path;
  /** What a name is. */
  readonly name: string;
  readonly fields: readonly string[];
}[] = [
  {
    keys: ['models'],
    name: 'a model name: at most 255 characters, without slashes',
    fields: ['versionPolicy', 'maxBatchSize'],
  },
  {
    keys: ['callers', 'named'],
    name: 'a caller name: at most 128 printable ASCII characters, no space at either end',
    fields: ['rowsPerSec', 'share'],
  },
];

function mappingOf(path: Path): (typeof MAPPINGS)[number] | undefined {
  return MAPPINGS.find(({ keys }) => keys.every((key, i) => path[i] === key));
}

function sectionAt(section: Path): object {
  const [key] = section;
  return key === undefined ? SETTINGS : ((SETTINGS as Record<PropertyKey, object>)[key] ?? {});
}

function wantedAt(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  const setting = NAMED_SETTINGS.find((named) => named.path === path);
  if (setting !== undefined) {
    const { form, wanted } = setting.setting.spec;
    return form === 'list' ? `a list, each item ${wanted}` : wanted;
  }
  if (path === '') return 'a mapping of settings';
  if (SECTIONS.includes(path)) return `a mapping of ${Object.keys(sectionAt([path])).join(', ')}`;
  const mapping = mappingOf(issue.path);
  if (issue.code === 'invalid_key') return mapping?.name ?? issue.message;
  if (mapping !== undefined && issue.path.length === mapping.keys.length + 1)
    return `a mapping of ${mapping.fields.join(', ')}`;
  return issue.message;
}
