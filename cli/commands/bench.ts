import { type Command, Option } from 'commander';
import { type Assertion, parseAssertions } from '../../bench/assertions.js';
import type { RunLoad } from '../../bench/contract.js';
import { flagName, type RawFlags } from '../../bench/flag-reader.js';
import { readOptions } from '../../bench/options.js';
import { BenchUsageError } from '../../bench/usage-error.js';
import { DEFAULT_ADDRESS } from '../../client/client.js';
import { compareFiles } from '../bench-compare.js';
import { benchAndReport } from '../bench-run.js';
import type { CommandContext, Finish } from '../command-context.js';
import { EXIT, type ExitCode, usageError } from '../exit-code.js';
import { helpFooter } from '../help.js';

const DESCRIPTION =
  'Measures a server: throughput, latency, errors. Closed loop (--concurrency) keeps so many calls open; open loop ' +
  '(--rate) starts calls at their own times, whatever the server does, as users do. Latency counts from the instant ' +
  'at which a call was meant to start. Works with every server of the Open Inference Protocol (Sluice, Triton, ' +
  'MLServer) and with TensorFlow Serving. docs/BENCH.md explains every column.';

const EXAMPLES = helpFooter([
  ['sluice bench iris', 'one call at a time, for 5 seconds, with random input of the right shape'],
  ['sluice bench iris --concurrency 1:64:2x --html report.html', 'where does throughput stop growing?'],
  ['sluice bench iris --rate 500:4000:500 --deadline 50ms', 'what happens beyond capacity?'],
  ['sluice bench iris --find-max-rate --p99 20ms', 'the highest rate that keeps p99 within 20 ms'],
  ["sluice bench iris --rate 800 --assert 'p99<20ms,goodput>99%'", 'in CI: exit code 1 if it does not hold'],
  [
    'sluice bench iris --rows 8 --data rows.csv --expect first',
    "real rows, every answer compared to the server's first",
  ],
  ['sluice bench --mix iris:weight=9 --mix resnet:rows=4 --rate 200', 'several models and sizes at once'],
  ['sluice bench iris --repeat 7 --json after.json', 'then: sluice bench --compare before.json after.json'],
]);

/** The flags that repeat, each with what one value is. */
const REPEATED = {
  mix: ['--mix <model:settings>', 'a kind of call among several: model, or model:rows=8,weight=3,version=2'],
  input: ['--input <name:type:dims>', 'declares an input instead of asking the server, e.g. x:FP32:-1,4'],
  data: ['--data <source>', 'random (default), zeros, or a file: .json, .csv, .npy; name=file for one input'],
  shape: ['--shape <name:dims>', 'dimensions that the signature leaves open, without the batch dimension'],
  header: ['--header <name:value>', 'sent with every call'],
} as const;

const GROUPS: readonly (readonly [heading: string, flags: readonly (readonly [string, string])[]])[] = [
  [
    'Load (one of):',
    [
      ['--concurrency <range>', 'closed loop: calls open at once; 8, 1,2,4, 1:16, 1:64:2x (default: 1)'],
      ['--rate <range>', 'open loop: calls a second'],
      ['--steps <list>', 'open loop, one run whose rate changes: 200x5s,800x10s'],
      ['--trace <file>', 'open loop: instants in ms (or with unit), one a line'],
      ['--request-intervals <file>', "perf_analyzer's: microseconds between calls, one a line, repeated"],
      ['--find-max-rate', 'search the highest Poisson rate whose percentile meets its bound'],
    ],
  ],
  [
    'More about the load:',
    [
      [
        '--arrivals <kind>',
        'poisson (default), constant, or bursts:<on>,<off>; the rate is that within a burst',
      ],
      ['--p50 <time>', 'bound for --find-max-rate'],
      ['--p90 <time>', 'bound for --find-max-rate'],
      ['--p95 <time>', 'bound for --find-max-rate'],
      ['--p99 <time>', 'bound for --find-max-rate'],
      ['--p999 <time>', 'bound for --find-max-rate'],
      ['--max-steps <n>', 'measurements of a search at most (default: 20)'],
      ['--resolution <share>', 'how finely to search (default: 5%)'],
      ['--warmup <time>', 'calls before it count for nothing (default: 1s)'],
      ['--duration <time>', 'of each measurement (default: 5s)'],
      ['--max-calls <n>', 'end a measurement after so many calls'],
      ['--repeat <n>', 'measure every point so often, interleaved (default: 1)'],
      ['--deadline <time>', 'deadline of each call, told to the server; later answers count as late'],
      ['--drain <time>', 'wait for the last answers (default: deadline + 1s, or 10s)'],
      ['--connections <n>', 'per process (default: as few as the concurrency needs; 4 in open loop)'],
      ['--streams <n>', 'open calls per connection at most (default: 100)'],
      ['--processes <n>', 'processes that generate load (default: 1)'],
      ['--seed <n>', 'makes arrivals, mix and data repeatable (default: 1)'],
    ],
  ],
  [
    'Calls:',
    [
      ['--model-version <n>', 'version of the model; without it the server chooses'],
      ['-b, --rows <n>', 'rows of each call, for models that take batches (default: 1)'],
      ['--range <low:high>', 'of random numbers (default: 0:1, integers 0:127)'],
      ['--bodies <n>', 'different random requests, sent in turn (default: 16)'],
      ['--expect <source>', "what answers must be: first (the server's own), or a .json or .npy file"],
      ['--tolerance <abs,rel>', 'for floating-point answers (default: 1e-6,1e-5)'],
      ['--service <name>', 'oip (default), or tfs for the Predict of TensorFlow Serving'],
      ['--signature <name>', 'signature of TensorFlow Serving (default: serving_default)'],
      ['--against <host:port>', 'a second server, measured in turn with the first and compared'],
      ['--metrics-url <url>', "the server's Prometheus page, for batch size, queue and compute"],
    ],
  ],
  [
    'Report:',
    [
      ['--json [file]', 'the whole report; - or no file: on standard output, and nothing else there'],
      ['--csv <file>', "with perf_analyzer's columns"],
      ['--html <file>', 'a page with plots, complete in itself'],
      ['--assert <conditions>', "e.g. 'p99<20ms,goodput>95%,errors<1%'; exit code 1 if one does not hold"],
      ['--compare <files...>', 'no run: compare two reports of --json, the earlier first'],
      ['--quiet', 'print nothing but errors'],
    ],
  ],
];

/** perf_analyzer's names for flags that exist under another one. */
const ALIASES: Readonly<Record<string, string>> = {
  concurrencyRange: 'concurrency',
  requestRateRange: 'rate',
};

type Given = Readonly<Record<string, string | boolean | string[] | undefined>>;

/** `sluice bench`: the load harness. `load` is what generates load; tests may give their own. */
export function addBenchCommand(
  program: Command,
  { io, rest }: CommandContext,
  finish: Finish,
  load?: RunLoad,
): void {
  const command = program
    .command('bench')
    .summary('measure a server under load')
    .description(DESCRIPTION)
    .argument('[model]', 'name of the model; left out with --mix and --compare')
    .addOption(
      new Option('-a, --address <host:port>', 'gRPC address of the server')
        .env('SLUICE_ADDRESS')
        .default(DEFAULT_ADDRESS),
    );
  for (const [heading, flags] of GROUPS) {
    for (const [flag, what] of flags) command.addOption(new Option(flag, what).helpGroup(heading));
  }
  for (const [flag, what] of Object.values(REPEATED)) {
    command.addOption(new Option(flag, `${what} (repeatable)`).argParser(collect).helpGroup('Calls:'));
  }
  for (const [alias] of Object.entries(ALIASES)) {
    command.addOption(new Option(`${flagName(alias)} <range>`).hideHelp());
  }
  command.addHelpText('after', EXAMPLES).action(async (model: string | undefined, given: Given) => {
    if (Array.isArray(given['compare'])) {
      await compareFiles(given['compare'], given['json'] !== undefined, io);
      finish(EXIT.ok);
      return;
    }
    finish(await bench(model, withAliases(given), { io, rest }, load));
  });
}

async function bench(
  model: string | undefined,
  flags: Given,
  { io, rest }: CommandContext,
  load: RunLoad | undefined,
): Promise<ExitCode> {
  const text = (name: string): string | undefined => {
    const value = flags[name];
    return typeof value === 'string' ? value : undefined;
  };
  try {
    const problems: string[] = [];
    const options = collected(problems, () => readOptions(model, flags as RawFlags));
    const assertion = text('assert');
    const assertions: readonly Assertion[] =
      assertion === undefined ? [] : (collected(problems, () => parseAssertions(assertion)) ?? []);
    if (options === undefined || problems.length > 0) throw new BenchUsageError(problems);
    const runLoad = load ?? (await import('../../bench/run-load.js')).runLoad;
    const json = flags['json'] === true ? '-' : text('json');
    const outputs = { csv: text('csv'), json, html: text('html'), quiet: flags['quiet'] === true };
    const command = commandLine(rest);
    return await benchAndReport({ options, outputs, assertions, command, runLoad }, io);
  } catch (error) {
    if (error instanceof BenchUsageError) throw usageError(error.problems.join('\n'), HINT);
    throw error;
  }
}

const HINT = '`sluice bench --help` shows what can be given.';

/** Runs `read`; its faults join the others, so that all are shown at once. */
function collected<T>(problems: string[], read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof BenchUsageError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

function withAliases(given: Given): Given {
  const named = Object.entries(given).map(([name, value]) => [ALIASES[name] ?? name, value]);
  return Object.fromEntries(named) as Given;
}

/** The command as typed. Headers carry secrets, and reports are passed on. */
function commandLine(rest: readonly string[]): string {
  const shown = rest.map((word, i) => {
    const value = rest[i - 1] === '--header' ? word : /^--header=(.*)$/s.exec(word)?.[1];
    if (value === undefined) return quoted(word);
    const hidden = `${value.split(':')[0]}:…`;
    return quoted(word.startsWith('--header=') ? `--header=${hidden}` : hidden);
  });
  return ['sluice bench', ...shown].join(' ');
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
