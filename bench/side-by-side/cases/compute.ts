import { CONVNET, HEAVY_MLP, modelPath, SMALL_MLP, type ZooModel } from '../../models/zoo.js';
import type { BareRun } from '../bare-run.js';
import {
  type Bench,
  type BenchCase,
  type Load,
  type Measured,
  measure,
  warmUp,
  withServers,
} from '../bench.js';
import { busiestMs } from '../cpu.js';
import { type Finding, finding } from '../finding.js';
import { runBare, type ServerUnderTest, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { median } from '../statistics.js';

/** Models that take most of the time: what of the cores reaches them. The server has all cores here. */

interface Compute {
  readonly from: string;
  readonly model: ZooModel;
  readonly rows: number;
  /** Calls in flight for each worker: enough that none waits for work. */
  readonly depth: number;
  readonly bars: boolean;
}

interface Round {
  readonly ours: Measured;
  readonly bare: readonly BareRun[];
  readonly batchRows: number;
}

async function compute(bench: Bench, spec: Compute): Promise<Finding[]> {
  const { cores, effort } = bench;
  const { model, rows } = spec;
  const shape = [rows, ...model.rowShape];
  const load: Load = {
    template: requestsFor({ model: model.name, input: model.input, shape, variants: 4 }),
    connections: 2,
    streams: Math.ceil((spec.depth * cores.count) / 2),
  };
  const rounds: Round[] = [];
  const pid = await withServers([startSluice(cores.all, [bench.zoo])], async (...servers) => {
    const [server] = servers as [ServerUnderTest];
    await warmUp(bench, server, load);
    for (let round = 0; round < effort.rounds; round++) {
      const ours = await measure(bench, server, load);
      // The batch that the server has found, on all cores at once: they share memory and caches there, too.
      const batchRows = Math.max(1, Math.round(ours.server.batchRows ?? rows));
      const bareModel = { path: modelPath(bench.zoo, model), input: model.input };
      const bare = await Promise.all(
        Array.from({ length: cores.count }, () =>
          runBare(cores.all, { ...bareModel, shape: [batchRows, ...model.rowShape] }, effort.measureMs),
        ),
      );
      rounds.push({ ours, bare, batchRows });
    }
    return server.pid;
  });
  return findings(spec, rounds, cores.count, pid);
}

function findings(spec: Compute, rounds: readonly Round[], workers: number, pid: number): Finding[] {
  const { from, model, rows, bars } = spec;
  const workerMs = ({ ours }: Round): number => busiestMs(ours.threads, pid, workers) / (ours.calls * rows);
  const bareMs = ({ bare, batchRows }: Round): number =>
    bare.reduce((sum, { cpuMs }) => sum + cpuMs, 0) /
    (bare.reduce((sum, { runs }) => sum + runs, 0) * batchRows);
  const inside = ({ ours }: Round): number =>
    ((ours.server.computeMs ?? 0) * (ours.server.batches ?? 0)) / (ours.wallMs * workers);
  const of = (pick: (round: Round) => number): number => median(rounds.map(pick));
  const rate = of(({ ours }) => (ours.calls * rows * 1e3) / ours.wallMs);
  const bareRate = of(
    ({ bare, batchRows, ours }) =>
      (bare.reduce((sum, { runs }) => sum + runs, 0) * batchRows * 1e3) / ours.wallMs,
  );
  return [
    finding({
      from,
      what: `${model.name}, ${rows} rows a request: worker CPU per row / bare run`,
      unit: 'x',
      ...(bars && { bar: { kind: 'at most', limit: 1 / 0.95 } as const }),
      rounds: rounds.map((round) => workerMs(round) / bareMs(round)),
      detail:
        `${(of(workerMs) * 1e3).toFixed(1)} us against ${(of(bareMs) * 1e3).toFixed(1)} us a row, in batches of ` +
        `${of(({ batchRows }) => batchRows)} rows; ${Math.round(rate)} rows/s against ${Math.round(bareRate)}`,
    }),
    finding({
      from,
      what: `${model.name}, ${rows} rows a request: share of the time that workers are inside run`,
      unit: 'share',
      ...(bars && { bar: { kind: 'at least', limit: 0.95 } as const }),
      rounds: rounds.map(inside),
      detail: `${workers} workers, ${spec.depth} requests in flight for each`,
    }),
  ];
}

export const heavy: BenchCase = {
  name: 'heavy',
  run: (bench) => compute(bench, { from: 'heavy', model: HEAVY_MLP, rows: 16, depth: 6, bars: true }),
};

export const small: BenchCase = {
  name: 'small',
  run: (bench) => compute(bench, { from: 'small', model: SMALL_MLP, rows: 16, depth: 6, bars: false }),
};

export const convolutions: BenchCase = {
  name: 'convnet',
  run: (bench) => compute(bench, { from: 'convnet', model: CONVNET, rows: 4, depth: 6, bars: false }),
};
