import { HEAVY_MLP, type ZooModel } from '../../models/zoo.js';
import { type Bench, type BenchCase, interleave, type Load, measure, warmUp, withServers } from '../bench.js';
import { type Finding, finding } from '../finding.js';
import { type ServerUnderTest, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { median } from '../statistics.js';

/** Workers that are processes against workers that are threads: what it costs to survive a crash of native code. */

interface Spec {
  readonly model: ZooModel;
  readonly rows: number;
  /** Least share of the threads' throughput. */
  readonly limit: number;
}

async function againstThreads(bench: Bench, { model, rows, limit }: Spec): Promise<Finding> {
  const { cores, effort, nodeArgs } = bench;
  const shape = [rows, ...model.rowShape];
  const load: Load = {
    template: requestsFor({ model: model.name, input: model.input, shape, variants: 4 }),
    connections: 2,
    streams: 3 * cores.count,
  };
  const start = (isolation: string) =>
    startSluice(cores.all, [bench.zoo, '--worker-isolation', isolation], nodeArgs);
  return withServers([start('process'), start('thread')], async (...servers) => {
    const [processes, threads] = servers as [ServerUnderTest, ServerUnderTest];
    await warmUp(bench, processes, load);
    await warmUp(bench, threads, load);
    const pairs = await interleave(
      effort.rounds,
      () => measure(bench, processes, load),
      () => measure(bench, threads, load),
    );
    const rate = (side: 0 | 1) => pairs.map((pair) => (pair[side].calls * rows * 1e3) / pair[side].wallMs);
    const [ours, theirs] = [rate(0), rate(1)];
    const batch = (side: 0 | 1): string =>
      median(pairs.map((pair) => pair[side].server.batchRows ?? 0)).toFixed(0);
    return finding({
      from: 'isolation',
      what: `${model.name}, ${rows} rows a request: rows per second of process workers / of threads`,
      unit: 'x',
      bar: { kind: 'at least', limit },
      rounds: ours.map((one, i) => one / (theirs[i] as number)),
      detail:
        `${Math.round(median(ours))} against ${Math.round(median(theirs))} rows/s, ` +
        `in batches of ${batch(0)} and ${batch(1)} rows`,
    });
  });
}

export const isolation: BenchCase = {
  name: 'isolation',
  run: async (bench) => [await againstThreads(bench, { model: HEAVY_MLP, rows: 16, limit: 0.95 })],
};
