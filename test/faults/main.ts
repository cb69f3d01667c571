/**
 * What is lost when workers die: `npm run test:faults [-- --seed N --only name --json --write]`. Each scenario strikes a real
 * server under constant load and holds what comes of it against its bars (scenarios.ts). Exits 1 when one is missed.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FAILURES_PAGE, failuresPage } from '../support/docs/failures-page.js';
import { type FaultOptions, faultOptions, USAGE } from './options.js';
import { runScenario } from './run-scenario.js';
import { type Measured, NotAvailable, type Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';
import { type Line, markdownTable, plainLine } from './table.js';
import { measure } from './verdict.js';

const HANG_WATCH = fileURLToPath(new URL('../../gateway/pool/hang-watch.js', import.meta.url));

async function lineOf(scenario: Scenario, seed: number): Promise<{ line: Line; measured?: Measured }> {
  try {
    if (scenario.hangs === true && !existsSync(HANG_WATCH))
      throw new NotAvailable('nothing watches for runs that hang in this build');
    const { measured, verdict, tries } = await measure(scenario, () => runScenario(scenario, seed));
    const notes = tries === 1 ? measured.notes : [`measured ${tries} times`, ...measured.notes];
    return { line: { scenario, verdict }, measured: { ...measured, notes } };
  } catch (error) {
    if (error instanceof NotAvailable)
      return { line: { scenario, verdict: { notAvailable: error.message } } };
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const nothing = { calls: 0, failed: 0, doubled: 0, wrong: 0, fullMs: undefined, p99Services: undefined };
    return { line: { scenario, verdict: { ...nothing, misses: [`it could not be run: ${why}`] } } };
  }
}

async function main({ seed, only, json, write }: FaultOptions): Promise<number> {
  const chosen = SCENARIOS.filter(
    ({ name }) => only.length === 0 || only.some((part) => name.includes(part)),
  );
  if (chosen.length === 0) throw new Error(`no scenario is called ${only.join(' or ')}`);
  const say = json ? console.error : console.log;
  say(`seed ${seed}; ${chosen.length} scenarios`);
  const lines: Line[] = [];
  const all: object[] = [];
  for (const scenario of chosen) {
    const { line, measured } = await lineOf(scenario, seed);
    lines.push(line);
    all.push({ name: scenario.name, seed, verdict: line.verdict, measured });
    say(plainLine(line));
    for (const note of measured?.notes ?? []) say(`    ${note}`);
  }
  if (json) console.log(JSON.stringify(all, null, 2));
  if (write) writeFileSync(FAILURES_PAGE, failuresPage(markdownTable(lines)));
  const missed = lines.filter(({ verdict }) => 'misses' in verdict && verdict.misses.length > 0).length;
  const left = lines.filter(({ verdict }) => 'notAvailable' in verdict).length;
  say(
    `${lines.length - missed - left} of ${lines.length} met, ${missed} missed, ${left} not available on this build`,
  );
  return missed === 0 ? 0 : 1;
}

let options: FaultOptions;
try {
  options = faultOptions(process.argv.slice(2));
} catch (error) {
  console.error(`${(error as Error).message}\n${USAGE}`);
  process.exit(2);
}
// What a wedged thread or a bug leaves behind must not keep this process.
process.exit(await main(options));
