import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { makeZoo } from '../models/zoo.js';
import { runLoad } from '../run-load.js';
import type { Bench, BenchCase, Effort } from './bench.js';
import { iris, irisConnections, megabyte } from './cases/against-echo.js';
import { alone, memory } from './cases/alone.js';
import { convolutions, heavy, small } from './cases/compute.js';
import { contents, sizes } from './cases/sizes.js';
import { takeCores } from './cores.js';
import { type Finding, verdict } from './finding.js';
import { type Circumstances, markdownReport, textReport } from './report.js';

/** `npm run bench`: Sluice side by side with bare baselines; see docs/BENCHMARKS.md. */

const CASES: readonly BenchCase[] = [
  iris,
  irisConnections,
  alone,
  megabyte,
  contents,
  sizes,
  heavy,
  small,
  convolutions,
  memory,
];

/** Compiled code and heap have settled after some 50,000 calls. */
const FULL: Effort = {
  rounds: 7,
  measureMs: 3000,
  warmupMs: 12_000,
  warmupCalls: 50_000,
  memoryCalls: [100_000, 1_000_000],
};
const QUICK: Effort = {
  rounds: 1,
  measureMs: 700,
  warmupMs: 700,
  warmupCalls: 5_000,
  memoryCalls: [2_000, 10_000],
};

const USAGE = `npm run bench -- [--quick] [--only case[,case]] [--rounds n] [--json] [--write] [--node-arg=arg]
  --quick      one short round of everything, under 3 minutes: a smoke test, whose figures mean little
  --only       of ${CASES.map(({ name }) => name).join(', ')}
  --rounds     paired rounds (default ${FULL.rounds})
  --json       findings as JSON on stdout
  --write      writes docs/BENCHMARKS.md; not with --quick or --only
  --node-arg   for the server's node, e.g. --node-arg=--cpu-prof
`;

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The exit code: 0 when everything ran, whatever the bars say; 1 when a case failed; 2 for a wrong command line. */
async function main(): Promise<number> {
  const options = readOptions();
  if (options === undefined) {
    process.stderr.write(USAGE);
    return 2;
  }
  const log = (text: string): void => void process.stderr.write(`${text}\n`);
  const zoo = join(root, 'bench/models/made');
  await makeZoo(zoo);
  const cores = takeCores();
  const { effort, nodeArgs, cases } = options;
  const irisModel = join(root, 'examples/iris');
  const bench: Bench = { effort, cores, runLoad, irisModel, zoo, nodeArgs, log };
  log(`${machine()}; ${cores.how}`);
  const findings: Finding[] = [];
  let failed = 0;
  for (const one of cases) {
    try {
      const found = await one.run(bench);
      findings.push(...found);
      log(textReport(found).trimEnd());
    } catch (error) {
      failed++;
      log(`FAIL  ${one.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const at: Circumstances = { machine: machine(), software: software(), cores: cores.how, effort };
  if (options.json) process.stdout.write(`${JSON.stringify({ ...at, findings }, null, 2)}\n`);
  if (options.write && failed === 0)
    await writeFile(join(root, 'docs/BENCHMARKS.md'), markdownReport(findings, at));
  const missed = findings.filter((one) => verdict(one) === 'MISS').length;
  const passed = findings.filter((one) => verdict(one) === 'PASS').length;
  log(`${passed} passed, ${missed} missed, ${failed} failed to run`);
  return failed > 0 ? 1 : 0;
}

interface Options {
  readonly effort: Effort;
  readonly cases: readonly BenchCase[];
  readonly json: boolean;
  readonly write: boolean;
  readonly nodeArgs: readonly string[];
}

/** Undefined when the command line cannot be understood, or asks for help. */
function readOptions(): Options | undefined {
  let values: ReturnType<typeof parse>;
  try {
    values = parse();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : 'bad command line'}\n`);
    return undefined;
  }
  const { quick, only, write } = values;
  const names = only?.split(',');
  const cases = names === undefined ? CASES : CASES.filter(({ name }) => names.includes(name));
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const badRounds = rounds !== undefined && !(Number.isInteger(rounds) && rounds >= 1);
  if (cases.length !== (names ?? CASES).length || badRounds || (write && (quick || only !== undefined)))
    return undefined;
  const effort = { ...(quick ? QUICK : FULL), ...(rounds !== undefined && { rounds }) };
  return { effort, cases, json: values.json, write, nodeArgs: values['node-arg'] };
}

function parse() {
  return parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      'node-arg': { type: 'string', multiple: true, default: [] },
    },
  }).values;
}

function machine(): string {
  const model = cpus()[0]?.model.replace(/\s+/g, ' ').trim() ?? 'unknown processor';
  return `${model}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB`;
}

function software(): string {
  const version = (name: string): string => {
    const text = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
    return `${name} ${(JSON.parse(text) as { version: string }).version}`;
  };
  return `Node ${process.version}, ${version('onnxruntime-node')}, ${version('@grpc/grpc-js')}, ${type()} ${release()}`;
}

process.exit(await main());
