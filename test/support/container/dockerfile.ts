/** Reads a Dockerfile: as much of the format as ours uses, and an error for the rest. */

export interface Instruction {
  /** Line of the file, from 1. */
  readonly line: number;
  /** `RUN`, `COPY`, … */
  readonly name: string;
  /** `--from=build` is `from: build`. */
  readonly flags: Readonly<Record<string, string>>;
  /** What follows the flags, continued lines joined, build arguments not yet put in. */
  readonly text: string;
}

export interface Stage {
  /** From `AS`; the last stage may have none. */
  readonly name: string;
  /** Image, or the name of an earlier stage. */
  readonly base: string;
  readonly instructions: readonly Instruction[];
}

const NAMES = new Set(
  'ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER VOLUME WORKDIR'.split(' '),
);

/** @throws Error for an instruction that it does not know, or one before the first FROM but ARG. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { name: string; base: string; instructions: Instruction[] }[] = [];
  const args = new Map<string, string>();
  for (const instruction of instructions(text)) {
    const { name, line } = instruction;
    if (name === 'FROM') {
      const [, base = '', as = ''] = /^(\S+)(?:\s+AS\s+(\S+))?$/i.exec(instruction.text) ?? [];
      stages.push({
        name: as,
        base: base.replace(/\$\{(\w+)\}/g, (_, key) => args.get(key) ?? ''),
        instructions: [],
      });
      continue;
    }
    const stage = stages.at(-1);
    if (stage !== undefined) stage.instructions.push(instruction);
    else if (name === 'ARG') args.set(...pair(instruction.text));
    else throw new Error(`Dockerfile line ${line}: ${name} before the first FROM`);
  }
  return stages;
}

function pair(text: string): [string, string] {
  const at = text.indexOf('=');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function* instructions(text: string): Generator<Instruction> {
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = at + 1;
    let whole = lines[at] as string;
    if (/^\s*(#|$)/.test(whole)) continue;
    while (whole.endsWith('\\')) whole = whole.slice(0, -1) + (lines[++at] ?? '').trimStart();
    const [, name = '', rest = ''] = /^(\w+)\s+(.*)$/.exec(whole.trim()) ?? [];
    if (!NAMES.has(name)) throw new Error(`Dockerfile line ${line}: wanted an instruction, got '${whole}'`);
    const [options = ''] = /^(--\S+\s+)*/.exec(rest) ?? [];
    const flags = Object.fromEntries(
      options
        .split(/\s+/)
        .filter((flag) => flag !== '')
        .map((flag) => pair(flag.slice(2))),
    );
    yield { line, name, flags, text: rest.slice(options.length) };
  }
}

/** The pairs of an ENV or LABEL, without their quotes. */
export function pairsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)].map(([, key, quoted, bare]) => [key, quoted ?? bare]),
  );
}

/**
 * The words of a JSON-form instruction: `["sluice", "serve"]`.
 * @throws Error for the shell form, which puts a shell between the engine and the server.
 */
export function wordsOf(text: string): string[] {
  const words: unknown = JSON.parse(text);
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string'))
    throw new Error(`wanted a JSON list of strings, got ${text}`);
  return words;
}

/** The last of its name in a stage, as it counts for CMD, USER and their like; undefined where there is none. */
export function lastOf({ instructions: all }: Stage, name: string): Instruction | undefined {
  return all.findLast((instruction) => instruction.name === name);
}

/** What a stage's ENV instructions come to. */
export function environmentOf({ instructions: all }: Stage): Record<string, string> {
  return Object.assign({}, ...all.filter(({ name }) => name === 'ENV').map(({ text }) => pairsOf(text)));
}

/**
 * Whether a path of the build's context is left out: .dockerignore's rules, of which the last that fits counts. A rule
 * for a folder is one for all that is in it.
 */
export function ignores(dockerignore: string): (path: string) => boolean {
  const rules = dockerignore
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const keeps = line.startsWith('!');
      const pattern = (keeps ? line.slice(1) : line)
        .split('/')
        .map((part) =>
          part === '**'
            ? '(?:.+/)?'
            : `${part.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')}/`,
        )
        .join('');
      return { keeps, fits: new RegExp(`^${pattern}`) };
    });
  return (path) => {
    const last = rules.findLast(({ fits }) => fits.test(`${path}/`));
    return last !== undefined && !last.keeps;
  };
}
