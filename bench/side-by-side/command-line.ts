import { parseArgs } from 'node:util';
import type { BenchCase, Effort } from './bench.js';
import type { Suite } from './suites.js';

/** What is to be run. */
export interface Options {
  readonly suite: Suite;
  readonly effort: Effort;
  readonly cases: readonly BenchCase[];
  readonly json: boolean;
  readonly write: boolean;
  readonly nodeArgs: readonly string[];
}

/** For people who ask, or whose command line cannot be understood. */
export function usage(suites: readonly Suite[]): string {
  const names = suites.map(({ name }) => name).filter((name) => name !== '');
  const lines = suites.map(
    ({ name, about, cases }) =>
      `  ${(name || '(none)').padEnd(12)} ${about}\n${' '.repeat(15)}cases: ${cases.map((one) => one.name).join(', ')}`,
  );
  return `npm run bench -- [${names.join('|')}] [--quick] [--only case[,case]] [--rounds n] [--json] [--write] [--node-arg=arg]
${lines.join('\n')}
  --quick      one short round of everything: a smoke test, whose figures mean little
  --only       some of the cases
  --rounds     paired rounds (default ${suites.map(({ name, full }) => `${full.rounds}${name && ` of ${name}`}`).join(', ')})
  --json       findings and tables as JSON on stdout
  --write      writes the page of the suite (${suites.map(({ page }) => page.file).join(', ')}); not with --quick or --only
  --node-arg   for the server's node, e.g. --node-arg=--cpu-prof
`;
}

/** A text says why the command line cannot be understood; empty when it only asks for help. */
export function readOptions(args: readonly string[], suites: readonly Suite[]): Options | string {
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse(args);
  } catch (error) {
    return error instanceof Error ? error.message : 'bad command line';
  }
  const { values, positionals } = parsed;
  if (values.help) return '';
  const [wanted = '', ...rest] = positionals;
  const suite = suites.find(({ name }) => name === wanted);
  if (suite === undefined || rest.length > 0) return `There is no benchmark "${positionals.join(' ')}"`;
  const names = values.only?.split(',') ?? suite.cases.map(({ name }) => name);
  const unknown = names.find((name) => !suite.cases.some((one) => one.name === name));
  if (unknown !== undefined) return `There is no case "${unknown}" here`;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  if (rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1))
    return `--rounds is "${values.rounds}": wanted a whole number from 1`;
  if (values.write && (values.quick || values.only !== undefined))
    return '--write is for whole runs: not with --quick or --only';
  return {
    suite,
    effort: { ...(values.quick ? suite.quick : suite.full), ...(rounds !== undefined && { rounds }) },
    cases: suite.cases.filter(({ name }) => names.includes(name)),
    json: values.json,
    write: values.write,
    nodeArgs: values['node-arg'],
  };
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      help: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      'node-arg': { type: 'string', multiple: true, default: [] },
    },
  });
}
