import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, release, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeZoo } from '../models/zoo.js';
import { runLoad } from '../run-load.js';
import type { Bench } from './bench.js';
import { type Options, readOptions, usage } from './command-line.js';
import { takeCores } from './cores.js';
import { type Finding, verdict } from './finding.js';
import { type Circumstances, markdownReport, textReport } from './report.js';
import { SUITES } from './suites.js';
import { type Table, textTable } from './table.js';

/** `npm run bench`: Sluice side by side with bare baselines, beyond its capacity, and against static settings; see docs/BENCH.md. */

const root = fileURLToPath(new URL('../../../', import.meta.url));
const log = (text: string): void => void process.stderr.write(`${text}\n`);

/** The exit code: 0 when everything ran, whatever the bars say; 1 when a case failed; 2 for a wrong command line. */
async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), SUITES);
  if (typeof options !== 'string') return run(options);
  process.stderr.write(`${options}${options && '\n'}${usage(SUITES)}`);
  return options === '' ? 0 : 2;
}

async function run({ suite, effort, cases, json, write, nodeArgs }: Options): Promise<number> {
  const zoo = join(root, 'bench/models/made');
  await makeZoo(zoo);
  const cores = takeCores();
  const irisModel = join(root, 'examples/iris');
  const tables: Table[] = [];
  const table = (one: Table): void => {
    tables.push(one);
    log(textTable(one));
  };
  const bench: Bench = { effort, cores, runLoad, irisModel, zoo, nodeArgs, log, table };
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
  const plain = tables.map(({ from, title, rows }) => ({ from, title, rows }));
  if (json) process.stdout.write(`${JSON.stringify({ ...at, findings, tables: plain }, null, 2)}\n`);
  if (write && failed === 0)
    await writeFile(join(root, suite.page.file), markdownReport(suite.page, { findings, tables }, at));
  const missed = findings.filter((one) => verdict(one) === 'MISS').length;
  const passed = findings.filter((one) => verdict(one) === 'PASS').length;
  log(`${passed} passed, ${missed} missed, ${failed} failed to run`);
  return failed > 0 ? 1 : 0;
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
