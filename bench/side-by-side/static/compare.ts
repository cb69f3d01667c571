import type { CallTemplate } from '../../contract.js';
import { type Bench, interleave, warmUp, withServers } from '../bench.js';
import { type Finding, finding } from '../finding.js';
import { type ServerUnderTest, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { median } from '../statistics.js';
import { numbers, type Table, words } from '../table.js';
import { carries, type Finalist, fastest, hardest, quickest, ratios, type Tried } from './choose.js';
import { answers, type Side, saturation, tailMs } from './measure.js';
import { makePairs, pairName, pairText, type StaticPair, staticPairs } from './pairs.js';

/** The default server against a sweep of static settings, for one model. */

export interface StaticModel {
  readonly from: string;
  /** What the default server serves: a model directory, and the model's name in it. */
  readonly directory: string;
  readonly name: string;
  /** The file that the pairs serve. */
  readonly path: string;
  readonly input: string;
  readonly rowShape: readonly number[];
  /** Where repositories of pairs are made. */
  readonly made: string;
  /** Measurements are so many times as long as usual: where few batches fit into one, their ends are most of the noise. */
  readonly patience?: number;
}

/** Of each figure so many are measured again. */
const FINALISTS = 2;
/** The load of the comparison of tails. */
const TAIL_LOAD = 0.8;
/** A measurement of the sweep is this share of one of the finals. */
const SWEEP = 1 / 2;
/** Before anything is measured of a server, by its largest batches: code that is not compiled yet is nobody's setting. */
const WARM = { connections: 8, streams: 48 };
const LEAST_RATE = 0.95;
const MOST_TAIL = 1.15;

export async function compareStatic(given: Bench, model: StaticModel): Promise<Finding[]> {
  const { measureMs, ...effort } = given.effort;
  const bench: Bench = { ...given, effort: { ...effort, measureMs: measureMs * (model.patience ?? 1) } };
  const pairs = staticPairs(bench.effort.narrow === true);
  makePairs(model.made, model, pairs);
  const start = startSluice(bench.cores.all, [model.directory], bench.nodeArgs);
  return withServers([start], async (...servers) => {
    const ours: Side = { server: servers[0] as ServerUnderTest, template: template(model, model.name) };
    await warmUp(bench, ours.server, { template: ours.template, ...WARM });
    const rates: number[] = [];
    for (let i = 0; i < bench.effort.rounds; i++)
      rates.push(await saturation(bench, ours, bench.effort.measureMs));
    const ratePerS = TAIL_LOAD * median(rates);
    const tried: Tried[] = [];
    for (const delayMs of new Set(pairs.map((pair) => pair.delayMs))) {
      const some = pairs.filter((pair) => pair.delayMs === delayMs);
      tried.push(...(await sweep(bench, { model, ours, ratePerS }, some)));
    }
    bench.table(sweepTable(model, tried, ratePerS));
    if (tried.length === 0) throw new Error(`${model.from}: no static pair could be served`);
    const left = `${tried.length} of ${pairs.length} pairs tried`;
    return (await finals(bench, { model, ours, ratePerS }, tried)).map((one) => ({
      ...one,
      detail: `${one.detail}; ${left}`,
    }));
  });
}

interface Against {
  readonly model: StaticModel;
  readonly ours: Side;
  /** Of the comparison of tails. */
  readonly ratePerS: number;
}

function template({ input, rowShape }: StaticModel, name: string): CallTemplate {
  return requestsFor({ model: name, input, shape: [1, ...rowShape], variants: 8 });
}

/** Runs `body` with one server that has these pairs' models; those that it cannot serve are left out, and said. */
async function withPairs<T>(
  bench: Bench,
  model: StaticModel,
  pairs: readonly StaticPair[],
  body: (sides: readonly (Side & { readonly pair: StaticPair })[]) => Promise<T>,
): Promise<T> {
  const folders = pairs.map((pair) => `${model.made}/${pairName(model.name, pair)}`);
  const args = [...folders, '--queue-scheduler', 'fifo'];
  return withServers([startSluice(bench.cores.all, args, bench.nodeArgs)], async (...servers) => {
    const [server] = servers as [ServerUnderTest];
    const sides: (Side & { pair: StaticPair })[] = [];
    for (const pair of pairs) {
      const side = { server, pair, template: template(model, pairName(model.name, pair)) };
      const refused = await answers(bench, side);
      if (refused === undefined) sides.push(side);
      else bench.log(`${model.from}: ${pairText(pair)} is left out: ${refused}`);
    }
    const last = sides.at(-1);
    if (last !== undefined) await warmUp(bench, server, { template: last.template, ...WARM });
    return body(sides);
  });
}

async function sweep(
  bench: Bench,
  { model, ours, ratePerS }: Against,
  pairs: readonly StaticPair[],
): Promise<Tried[]> {
  const forMs = bench.effort.measureMs * SWEEP;
  return withPairs(bench, model, pairs, async (sides) => {
    const tried: Tried[] = [];
    for (const side of sides) {
      await saturation(bench, side, forMs / 2);
      const one: Tried = {
        pair: side.pair,
        ratePerS: await saturation(bench, side, forMs),
        defaultRatePerS: await saturation(bench, ours, forMs),
      };
      const timed = carries(one) && {
        p99Ms: await tailMs(bench, side, ratePerS, forMs),
        defaultP99Ms: await tailMs(bench, ours, ratePerS, forMs),
      };
      tried.push({ ...one, ...timed });
    }
    return tried;
  });
}

async function finals(
  bench: Bench,
  { model, ours, ratePerS }: Against,
  tried: readonly Tried[],
): Promise<Finding[]> {
  const fast = fastest(tried, FINALISTS);
  const quick = quickest(tried, FINALISTS);
  const { measureMs, rounds } = bench.effort;
  return withPairs(bench, model, [...new Set([...fast, ...quick])], async (sides) => {
    const play = async (pairs: readonly StaticPair[], figure: (side: Side) => Promise<number>) => {
      const finalists: Finalist[] = [];
      for (const side of sides.filter(({ pair }) => pairs.includes(pair))) {
        await saturation(bench, side, measureMs / 2);
        const found = await interleave(
          rounds,
          () => figure(ours),
          () => figure(side),
        );
        finalists.push({
          pair: side.pair,
          rounds: found.map(([our, their]) => ({ ours: our, theirs: their })),
        });
      }
      return finalists;
    };
    const rates = hardest(await play(fast, (side) => saturation(bench, side, measureMs)), 'rate');
    const tails = hardest(await play(quick, (side) => tailMs(bench, side, ratePerS, measureMs)), 'time');
    return [...rateFinding(model, rates), ...tailFinding(model, tails, ratePerS)];
  });
}

function rateFinding({ from, name }: StaticModel, best: Finalist | undefined): Finding[] {
  if (best === undefined) return [];
  const { ours, theirs } = medians(best);
  return [
    finding({
      from,
      what: `${name}: rate at saturation, default / best static pair`,
      unit: 'x',
      bar: { kind: 'at least', limit: LEAST_RATE },
      rounds: ratios(best.rounds),
      detail: `${Math.round(ours)}/s against ${Math.round(theirs)}/s with ${pairText(best.pair)}`,
    }),
  ];
}

function tailFinding({ from, name }: StaticModel, best: Finalist | undefined, ratePerS: number): Finding[] {
  // Without one no pair came near the default's rate.
  if (best === undefined) return [];
  const { ours, theirs } = medians(best);
  return [
    finding({
      from,
      what: `${name}: p99 at ${TAIL_LOAD} of the default's rate, default / lowest static pair`,
      unit: 'x',
      bar: { kind: 'at most', limit: MOST_TAIL },
      rounds: ratios(best.rounds),
      detail: `${ours.toFixed(2)} ms against ${theirs.toFixed(2)} ms with ${pairText(best.pair)}, at ${Math.round(ratePerS)}/s`,
    }),
  ];
}

function medians({ rounds }: Finalist): { ours: number; theirs: number } {
  return { ours: median(rounds.map(({ ours }) => ours)), theirs: median(rounds.map(({ theirs }) => theirs)) };
}

function sweepTable({ from, name }: StaticModel, tried: readonly Tried[], ratePerS: number): Table {
  return {
    from,
    title: `${name}: static pairs and the default server beside each; p99 at ${Math.round(ratePerS)}/s where a pair carries it`,
    columns: [
      words('pair', 'PAIR'),
      numbers('ratePerS', 'RATE/S', 0),
      numbers('defaultRatePerS', 'DEFAULT', 0),
      numbers('ratio', 'DEFAULT / PAIR', 2, 'x'),
      numbers('p99Ms', 'P99 MS', 2),
      numbers('defaultP99Ms', 'DEFAULT', 2),
    ],
    rows: tried.map(({ pair, ...figures }) => ({
      ...figures,
      pair: pairText(pair),
      ratio: figures.defaultRatePerS / figures.ratePerS,
    })),
  };
}
