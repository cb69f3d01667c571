import type { Bench, BenchCase } from '../bench.js';
import { type Finding, finding } from '../finding.js';
import type { Called, Caller } from '../peers/caller.js';
import { assertPeers, CONTENDERS, type Contender } from '../peers/contenders.js';
import { treeBytes } from '../peers/process-tree.js';
import { type Column, numbers, words } from '../table.js';

/** What people write instead, and the nearest other server: the same forest, the same core, the same calls. */

/** Calls open in the closed loops, of which the best counts. */
const CONCURRENCIES = [4, 16, 64, 256];
/** Of the peer's best rate: the loads at which latencies are compared. */
const LOADS = [0.2, 0.5, 0.8];
/** As the issue asks. */
const BARS = { Flask: 50, MLServer: 10 } as const;

interface Seen {
  readonly contender: Contender;
  readonly readyMs: number;
  readonly bytes: number;
  readonly bestPerS: number;
  /** By calls/s. */
  readonly loads: ReadonlyMap<number, Called>;
}

/** The rates at which everybody is asked, ascending; empty while the peers' best rates are not known. */
type Rates = readonly number[];

async function saturate(bench: Bench, caller: Caller): Promise<number> {
  await caller.closed(16, bench.effort.warmupMs);
  let best = 0;
  for (const concurrency of CONCURRENCIES)
    best = Math.max(best, (await caller.closed(concurrency, bench.effort.measureMs)).perS);
  return best;
}

/** Rates beyond 0.85 of what a server can do are left out: there is no latency to speak of. */
async function latencies(
  bench: Bench,
  caller: Caller,
  bestPerS: number,
  rates: Rates,
): Promise<Map<number, Called>> {
  const found = new Map<number, Called>();
  for (const rate of rates)
    if (rate <= 0.85 * bestPerS) found.set(rate, await caller.open(rate, 2 * bench.effort.measureMs));
  return found;
}

async function look(bench: Bench, contender: Contender, ratesOf: (bestPerS: number) => Rates): Promise<Seen> {
  const { server, caller } = await contender.start(bench);
  try {
    const bestPerS = await saturate(bench, caller);
    const loads = await latencies(bench, caller, bestPerS, ratesOf(bestPerS));
    const seen = { contender, readyMs: server.readyMs, bytes: treeBytes(server.pid), bestPerS, loads };
    bench.log(`${contender.name}: ready in ${Math.round(server.readyMs)} ms, ${Math.round(bestPerS)}/s`);
    return seen;
  } finally {
    await server.stop();
  }
}

/** Two figures that are enough for a rate. */
const rounded = (rate: number): number => Number(rate.toPrecision(2));

/** Peers first: their best rates say at which loads all are compared. */
async function lookAtAll(bench: Bench): Promise<Seen[]> {
  const peers: Seen[] = [];
  for (const one of CONTENDERS.filter(({ family }) => family !== 'Sluice'))
    peers.push(await look(bench, one, (best) => LOADS.map((share) => rounded(share * best))));
  const rates = [...new Set(peers.flatMap(({ loads }) => [...loads.keys()]))].sort((a, b) => a - b);
  const ours: Seen[] = [];
  for (const one of CONTENDERS.filter(({ family }) => family === 'Sluice'))
    ours.push(await look(bench, one, () => rates));
  return [...ours, ...peers];
}

const COLUMNS: readonly Column[] = [
  words('name', 'server'),
  numbers('bestPerS', 'most requests/s', 0),
  numbers('readyMs', 'ready after ms', 0),
  numbers('mib', 'memory MiB', 0),
];

function tables(bench: Bench, all: readonly Seen[]): void {
  const rows = all.map(({ contender: { name }, bestPerS, readyMs, bytes }) => ({
    name,
    bestPerS,
    readyMs,
    mib: bytes / 2 ** 20,
  }));
  bench.table({ from: 'peers', title: 'What each can do', columns: COLUMNS, rows });
  const rates = [...new Set(all.flatMap(({ loads }) => [...loads.keys()]))].sort((a, b) => a - b);
  const columns = [
    words('name', 'server'),
    ...rates.map((rate) => words(String(rate), `at ${rate}/s: p50, p99 ms`)),
  ];
  const cell = (called: Called | undefined): string =>
    called === undefined ? '-' : `${called.p50Ms.toFixed(2)}, ${called.p99Ms.toFixed(2)}`;
  const latencyRows = all.map(({ contender: { name }, loads }) => ({
    name,
    ...Object.fromEntries(rates.map((rate) => [String(rate), cell(loads.get(rate))])),
  }));
  bench.table({ from: 'peers', title: 'Latency at equal load', columns, rows: latencyRows });
}

function bestOf(all: readonly Seen[], family: Contender['family']): Seen {
  const [first, ...rest] = all.filter(({ contender }) => contender.family === family) as [Seen, ...Seen[]];
  return rest.reduce((best, one) => (one.bestPerS > best.bestPerS ? one : best), first);
}

/** Sluice's worst p99 over the peer's, of all loads that the peer can carry: below 1 it is lower at every load. */
function worstRatio(ours: Seen, peer: Seen): number {
  return Math.max(
    ...[...peer.loads].map(([rate, { p99Ms }]) => (ours.loads.get(rate)?.p99Ms ?? Number.NaN) / p99Ms),
  );
}

function findings(all: readonly Seen[]): Finding[] {
  const ours = bestOf(all, 'Sluice');
  return (['Flask', 'MLServer'] as const).flatMap((family) => {
    const peer = bestOf(all, family);
    const rivals = all.filter(({ contender }) => contender.family === family);
    return [
      finding({
        from: 'peers',
        what: `most requests/s, against ${family}`,
        unit: 'x',
        bar: { kind: 'at least', limit: BARS[family] },
        rounds: [ours.bestPerS / peer.bestPerS],
        detail: `${ours.contender.name} ${Math.round(ours.bestPerS)}/s, ${peer.contender.name} ${Math.round(peer.bestPerS)}/s`,
      }),
      finding({
        from: 'peers',
        what: `p99 at equal load, worst against any ${family}`,
        unit: 'x',
        bar: { kind: 'at most', limit: 1 },
        rounds: [Math.max(...rivals.map((rival) => worstRatio(ours, rival)))],
        detail: `at ${LOADS.map((share) => `${share * 100}%`).join(', ')} of what each of them can do`,
      }),
    ];
  });
}

export const peers: BenchCase = {
  name: 'peers',
  run: async (bench) => {
    assertPeers();
    const all = await lookAtAll(bench);
    tables(bench, all);
    return findings(all);
  },
};
