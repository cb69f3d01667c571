import * as z from 'zod';

/**
 * One setting: what it is, in the one place where it is said. The file schema, the flags, the environment names, the
 * help text, the printed configuration and docs/CONFIG.md are all made from it.
 */
export interface SettingSpec<T> {
  /** Validates a value from sluice.yaml, and one that was read from text. */
  readonly type: z.ZodType<T>;
  readonly default: T;
  /** Said in documents instead of the default, where that is no constant. */
  readonly defaultText?: string;
  /** Why one would change it: one line. */
  readonly why: string;
  /** Unit of a number, e.g. `ms`; absent for pure numbers and words. */
  readonly unit?: string;
  /** The flag without dashes. @default the path in kebab case: `grpc.maxMessageBytes` is `grpc-max-message-bytes` */
  readonly flag?: string;
  /** Other spellings of the flag. */
  readonly aliases?: readonly string[];
  /** What a good value is, to follow the word "wanted". */
  readonly wanted: string;
  /** How the value stands in help: `n`, `host`, `true|false`. */
  readonly placeholder: string;
  /** `list`: the flag may be repeated. `switch`: the flag may stand alone, for true. `file-only`: no flag, no variable. */
  readonly form: 'value' | 'list' | 'switch' | 'file-only';
  /** Reads one value (of a list: one item) as flags and the environment give it; undefined when it is no such thing. */
  readonly fromText: (text: string) => unknown;
  /** Between items in the environment variable of a list. */
  readonly separator?: string;
  /** Names files: made absolute, against the file's directory in sluice.yaml and the working directory elsewhere. */
  readonly isPath?: boolean;
}

/** A SettingSpec that can be told from a section of them. */
export class Setting<T> {
  readonly spec: SettingSpec<T>;
  constructor(spec: SettingSpec<T>) {
    this.spec = spec;
  }
}

type Common = Pick<SettingSpec<unknown>, 'why' | 'unit' | 'flag' | 'aliases' | 'placeholder' | 'defaultText'>;
type Given<T> = Partial<Common> & Pick<Common, 'why'> & { readonly default: T };

const TRUE_WORDS = new Set(['true', '1', 'on']);
const FALSE_WORDS = new Set(['false', '0', 'off']);

/** Reads a boolean as Triton does: true, 1, on, false, 0, off, in any case; undefined for anything else. */
export function booleanFromText(text: string): boolean | undefined {
  const word = text.toLowerCase();
  if (TRUE_WORDS.has(word)) return true;
  return FALSE_WORDS.has(word) ? false : undefined;
}

function integerFromText(text: string): number | undefined {
  return /^-?\d{1,16}$/.test(text) ? Number(text) : undefined;
}

/** A switch. */
export function bool(given: Given<boolean>): Setting<boolean> {
  return new Setting({
    placeholder: 'true|false',
    ...given,
    form: 'switch',
    type: z.boolean(),
    wanted: 'true or false',
    fromText: booleanFromText,
  });
}

/** A whole number within bounds. */
export function integer(
  given: Given<number> & { readonly min: number; readonly max: number },
): Setting<number> {
  const { min, max, ...rest } = given;
  return new Setting({
    placeholder: 'n',
    ...rest,
    form: 'value',
    type: z.int().min(min).max(max),
    wanted: `a whole number from ${min} to ${max}`,
    fromText: integerFromText,
  });
}

/** A number from 0 to 1. */
export function fraction(given: Given<number>): Setting<number> {
  return new Setting({
    placeholder: 'n',
    ...given,
    form: 'value',
    type: z.number().min(0).max(1),
    wanted: 'a number from 0 to 1',
    fromText: (text) => (/^\d{1,3}(\.\d{0,16})?$|^\.\d{1,16}$/.test(text) ? Number(text) : undefined),
  });
}

/** `auto`, or a whole number within bounds. */
export function autoInteger(
  given: Given<'auto' | number> & { readonly min: number; readonly max: number },
): Setting<'auto' | number> {
  const { min, max, ...rest } = given;
  return new Setting<'auto' | number>({
    placeholder: 'auto|n',
    ...rest,
    form: 'value',
    type: z.union([z.literal('auto'), z.int().min(min).max(max)]),
    wanted: `auto or a whole number from ${min} to ${max}`,
    fromText: (text) => (text === 'auto' ? text : integerFromText(text)),
  });
}

/** Text that a pattern allows. `wanted` says the pattern in words. */
export function text(
  given: Given<string> & { readonly pattern: RegExp; readonly wanted: string },
): Setting<string> {
  const { pattern, ...rest } = given;
  return new Setting({
    placeholder: 'text',
    ...rest,
    form: 'value',
    type: z.string().regex(pattern),
    fromText: (given) => given,
  });
}

/** Text that may be left unset. */
export function optionalText(
  given: Given<undefined> & { readonly pattern: RegExp; readonly wanted: string; readonly isPath?: boolean },
): Setting<string | undefined> {
  const { pattern, ...rest } = given;
  return new Setting<string | undefined>({
    placeholder: 'text',
    ...rest,
    form: 'value',
    type: z.string().regex(pattern).optional(),
    fromText: (given) => given,
  });
}

/** One of a few words. */
export function choice<const W extends string>(
  words: readonly [W, ...W[]],
  given: Given<NoInfer<W>>,
): Setting<W> {
  return new Setting<W>({
    placeholder: words.join('|'),
    ...given,
    form: 'value',
    type: z.enum(words) as unknown as z.ZodType<W>,
    wanted: `one of ${words.join(', ')}`,
    fromText: (given) => given,
  });
}

/** A list of texts, each as the pattern allows. The flag is repeated; the variable separates items. */
export function list(
  given: Given<readonly string[]> & {
    readonly pattern: RegExp;
    readonly wanted: string;
    readonly separator: string;
    readonly isPath?: boolean;
  },
): Setting<readonly string[]> {
  const { pattern, ...rest } = given;
  return new Setting<readonly string[]>({
    placeholder: 'text',
    ...rest,
    form: 'list',
    type: z.array(z.string({ error: rest.wanted }).regex(pattern, { error: rest.wanted })).max(1000),
    fromText: (given) => given,
  });
}
