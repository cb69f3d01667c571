/**
 * A server and a random nemesis: `npm run soak -- --minutes N [--seed N] [--isolation thread|process]`. Server after server of half a
 * minute, each by a seed of its own, threads and processes in turn; a checker looks for calls that were lost, doubled, mixed up
 * or stale. Exits 1 when it finds any, and says the seed that brings it back.
 */
import { parseArgs } from 'node:util';
import { wholeNumber } from '../faults/options.js';
import { NotAvailable } from '../faults/scenario.js';
import { runPhase } from './phase.js';

const PHASE_MS = 30_000;
const SHOWN = 20;
const ISOLATIONS = ['thread', 'process'] as const;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '1' },
      seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 1e6)) },
      isolation: { type: 'string' },
    },
  });
  const phases = Math.max(1, Math.round((Number(values.minutes) * 60_000) / PHASE_MS));
  if (!Number.isFinite(phases)) throw new Error(`--minutes is ${values.minutes}, wanted a number`);
  const first = wholeNumber('--seed', values.seed);
  const only = ISOLATIONS.find((isolation) => isolation === values.isolation);
  if (values.isolation !== undefined && only === undefined)
    throw new Error(`--isolation is ${values.isolation}, wanted thread or process`);
  console.log(`seed ${first}, ${phases} servers of ${PHASE_MS / 1000} s`);
  let found = 0;
  for (let seed = first; seed < first + phases; seed++) {
    const isolation = only ?? (ISOLATIONS[seed % 2] as (typeof ISOLATIONS)[number]);
    found += await phase(seed, isolation);
  }
  console.log(found === 0 ? 'nothing was lost, doubled, mixed up or stale' : `${found} findings`);
  return found === 0 ? 0 : 1;
}

async function phase(seed: number, isolation: (typeof ISOLATIONS)[number]): Promise<number> {
  try {
    const { findings, codes, acts, restarts } = await runPhase(seed, isolation, PHASE_MS);
    const counts = Object.entries(codes).map(([code, count]) => `${code}: ${count}`);
    console.log(
      `seed ${seed}, ${isolation}: ${acts} acts, ${restarts} workers replaced; calls by code ${counts.join(', ')}; ${findings.length} findings`,
    );
    for (const { kind, text } of findings.slice(0, SHOWN)) console.log(`    ${kind}: ${text}`);
    if (findings.length > 0)
      console.log(
        `    again: npm run soak -- --seed ${seed} --isolation ${isolation} --minutes ${PHASE_MS / 60_000}`,
      );
    return findings.length;
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error;
    console.log(`seed ${seed}, ${isolation}: not run: ${error.message}`);
    return 0;
  }
}

// What a wedged thread leaves behind must not keep this process.
process.exit(await main());
