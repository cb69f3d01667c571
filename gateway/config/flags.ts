import { parseArgs } from 'node:util';
import { FOREIGN_FLAGS, type ForeignFlag } from './foreign-flags.js';
import { didYouMean, type Problem, show } from './problem.js';
import { NAMED_SETTINGS, type NamedSetting } from './schema.js';
import { booleanFromText } from './setting.js';

/** What a command line says. */
export interface FlagValues {
  /** Texts by setting path, in the order given; of a single value the last one counts, as in Triton. */
  readonly given: ReadonlyMap<string, { readonly texts: readonly string[]; readonly source: string }>;
  /** Whether the first argument was the name of Triton's program. */
  readonly asTriton: boolean;
  /** From `--config-file`. */
  readonly configFile: string | undefined;
  readonly problems: readonly Problem[];
  /** Flags that were accepted without effect, each with its consequence. */
  readonly warnings: readonly string[];
}

/** Program names that some callers pass as the first argument, as if the image had no entry point (KServe). */
const PROGRAM_NAMES = new Set(['tritonserver', 'trtserver']);

/** Triton's switches per log level, from least to most serious; `--log-verbose` is a number there. */
const TRITON_LOG_FLAGS = ['log-info', 'log-warning', 'log-error'] as const;

type Meaning =
  | { readonly kind: 'setting'; readonly named: NamedSetting }
  | { readonly kind: 'foreign'; readonly foreign: ForeignFlag }
  | { readonly kind: 'log' }
  | { readonly kind: 'config-file' };

const MEANINGS: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  ...NAMED_SETTINGS.flatMap((named) =>
    named.flags.map((flag): [string, Meaning] => [flag.slice(2), { kind: 'setting', named }]),
  ),
  ...FOREIGN_FLAGS.map((foreign): [string, Meaning] => [foreign.flag, { kind: 'foreign', foreign }]),
  ...['log-verbose', ...TRITON_LOG_FLAGS].map((flag): [string, Meaning] => [flag, { kind: 'log' }]),
  ['config-file', { kind: 'config-file' }],
]);

/** All flags that mean something, `--` included: for hints. */
export const KNOWN_FLAGS: readonly string[] = [...MEANINGS.keys()].map((flag) => `--${flag}`);

/** Whether the flag may stand without a value. */
function standsAlone(flag: string, meaning: Meaning): boolean {
  if (meaning.kind === 'setting') return meaning.named.setting.spec.form === 'switch';
  if (meaning.kind === 'foreign') return meaning.foreign.takes !== 'value';
  return meaning.kind === 'log' && flag !== 'log-verbose';
}

const OPTIONS = Object.fromEntries(
  [...MEANINGS].map(([flag, meaning]) => [
    flag,
    { type: standsAlone(flag, meaning) ? ('boolean' as const) : ('string' as const) },
  ]),
);

interface Occurrence {
  /** As written, without dashes and with `_` read as `-` (KServe writes `--model_name`). */
  readonly flag: string;
  readonly value: string | undefined;
}

/** Reads a command line by the schema. Never throws: every fault is a problem. */
export function parseFlags(argv: readonly string[]): FlagValues {
  const found = new Collector();
  const args = argv.map((arg) =>
    arg.replace(/^--[^=]+/, (flag) => `--${flag.slice(2).replaceAll('_', '-')}`),
  );
  const { tokens } = parseArgs({
    args,
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    if (token === undefined || token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      if (token.index === 0 && PROGRAM_NAMES.has(token.value)) found.asTriton = true;
      else found.path(token.value);
      continue;
    }
    const next = tokens[i + 1];
    let value = token.value;
    // `--allow-grpc true` is how getopt reads it; a switch that stands alone means true.
    if (value === undefined && OPTIONS[token.name]?.type === 'boolean' && next?.kind === 'positional') {
      if (booleanFromText(next.value) !== undefined) {
        value = next.value;
        i++;
      }
    }
    found.option(
      token.rawName.startsWith('--') ? token.name : token.rawName,
      value,
      token.inlineValue === true,
    );
  }
  return found.finish();
}

class Collector {
  asTriton = false;
  readonly #given = new Map<string, { texts: string[]; source: string }>();
  readonly #problems: Problem[] = [];
  readonly #warnings = new Set<string>();
  readonly #log: Occurrence[] = [];
  #configFile: string | undefined;

  path(value: string): void {
    this.#add('modelRepository', true, value, `path ${show(value)}`);
  }

  option(flag: string, value: string | undefined, inline: boolean): void {
    const meaning = MEANINGS.get(flag);
    if (meaning === undefined) {
      const shown = flag.startsWith('-') ? flag : `--${flag}`;
      const near = shown.startsWith('--') ? didYouMean(shown, KNOWN_FLAGS) : undefined;
      const hint = near ?? 'sluice serve --help lists all flags';
      this.#problems.push({
        path: shown.slice(0, 100),
        source: 'command line',
        message: 'no such flag',
        hint,
      });
      return;
    }
    const alone = standsAlone(flag, meaning);
    if (!alone && (value === undefined || (!inline && value.startsWith('--')))) {
      this.#problems.push({
        path: `--${flag}`,
        source: 'command line',
        message: 'wanted a value after it, got none',
      });
      // What follows was read as the value but is a flag of its own: say no more of it than this one fault.
      return;
    }
    const text = value ?? 'true';
    if (meaning.kind === 'setting') this.#setting(meaning.named, flag, text);
    else if (meaning.kind === 'foreign') this.#foreign(meaning.foreign, text);
    else if (meaning.kind === 'log') this.#log.push({ flag, value: text });
    else this.#configFile = text;
  }

  #setting({ path, setting }: NamedSetting, flag: string, text: string): void {
    if (path === 'log.format' && ['default', 'iso8601'].includes(text.toLowerCase())) {
      this.#warnings.add(
        `--log-format=${text}: Triton's line formats do not exist here; taken as auto (pretty on a terminal, else JSON)`,
      );
      return;
    }
    if (path === 'requiredModels' && text === '*') {
      this.#warnings.add('--load-model=*: every model is loaded anyway; none is required by it');
      return;
    }
    this.#add(path, setting.spec.form === 'list', text, `flag --${flag}`);
  }

  #add(path: string, isList: boolean, text: string, source: string): void {
    const before = this.#given.get(path);
    if (before === undefined || !isList) this.#given.set(path, { texts: [text], source });
    else before.texts.push(text);
  }

  #foreign({ flag, takes, effect, consequence, harmless }: ForeignFlag, text: string): void {
    if (takes === 'switch' && booleanFromText(text) === undefined) {
      const message = `wanted true or false, got ${show(text)}`;
      this.#problems.push({ path: `--${flag}`, source: 'command line', message });
      return;
    }
    if (harmless?.includes(text.toLowerCase())) return;
    if (effect === 'warn') this.#warnings.add(`--${flag} has no effect: ${consequence}`);
    else
      this.#problems.push({
        path: `--${flag}`,
        source: 'command line',
        message: `not supported: ${consequence}`,
      });
  }

  finish(): FlagValues {
    const level = this.#given.has('log.level') ? undefined : this.#tritonLogLevel();
    if (level !== undefined) this.#given.set('log.level', level);
    return {
      given: this.#given,
      asTriton: this.asTriton,
      configFile: this.#configFile,
      problems: this.#problems,
      warnings: [...this.#warnings],
    };
  }

  /** Triton switches levels one by one; here the level is the least serious one that is on. */
  #tritonLogLevel(): { texts: string[]; source: string } | undefined {
    let level: string | undefined;
    const off = new Set<string>();
    let verbose = false;
    for (const { flag, value = '' } of this.#log) {
      const on = flag === 'log-verbose' && /^\d+$/.test(value) ? Number(value) > 0 : booleanFromText(value);
      if (on === undefined) {
        const wanted = flag === 'log-verbose' ? 'a whole number' : 'true or false';
        this.#problems.push({
          path: `--${flag}`,
          source: 'command line',
          message: `wanted ${wanted}, got ${show(value)}`,
        });
      } else if (flag === 'log-verbose') verbose = on;
      else if (on) off.delete(flag);
      else off.add(flag);
    }
    if (verbose) level = 'debug';
    else if (off.has('log-info')) {
      level = off.has('log-warning') ? (off.has('log-error') ? 'silent' : 'error') : 'warn';
    }
    if (level === undefined) return undefined;
    const flags = [...new Set(this.#log.map(({ flag }) => `--${flag}`))].join(' ');
    return { texts: [level], source: `flag ${flags}` };
  }
}
