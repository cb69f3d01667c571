import { type BenchCase, interleave, type Load, measure, warmUp, withServers } from '../bench.js';
import { finding } from '../finding.js';
import { type ServerUnderTest, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { median } from '../statistics.js';

const LOAD: Load = {
  template: requestsFor({ model: 'iris', input: 'X', shape: [1, 4] }),
  connections: 10,
  streams: 10,
};

/** Fifteen times as often as Prometheus does by default. */
const SCRAPE_EVERY_MS = 1000;

const us = (ms: number): string => `${(ms * 1e3).toFixed(1)} us`;

/** A server whose metrics are counted, and scraped once a second, against one that counts none. */
export const metrics: BenchCase = {
  name: 'metrics',
  run: (bench) => {
    const start = (...flags: string[]) =>
      startSluice(bench.cores.one, [bench.irisModel, ...flags], bench.nodeArgs);
    return withServers([start(), start('--allow-metrics=false')], async (...servers) => {
      const [counted, off] = servers as [ServerUnderTest, ServerUnderTest];
      // There is no page to ask it for.
      const silent: ServerUnderTest = { pid: off.pid, port: off.port, stop: off.stop };
      const scraped = async () => {
        const timer = setInterval(() => void scrape(counted), SCRAPE_EVERY_MS);
        try {
          return await measure(bench, counted, LOAD);
        } finally {
          clearInterval(timer);
        }
      };
      await warmUp(bench, counted, LOAD);
      await warmUp(bench, silent, LOAD);
      const pairs = await interleave(bench.effort.rounds, scraped, () => measure(bench, silent, LOAD));
      const [on, without] = [0, 1].map((i) => median(pairs.map((pair) => pair[i as 0 | 1].cpuMsPerCall)));
      return [
        finding({
          from: 'metrics',
          what: 'iris, 1 row: CPU per request with metrics, scraped once a second / with --allow-metrics=false',
          unit: 'x',
          bar: { kind: 'at most', limit: 1.03 },
          rounds: pairs.map(([left, right]) => left.cpuMsPerCall / right.cpuMsPerCall),
          detail: `${us(on as number)} against ${us(without as number)} a request`,
        }),
      ];
    });
  },
};

async function scrape({ metricsUrl }: ServerUnderTest): Promise<void> {
  const answer = await fetch(metricsUrl as string);
  await answer.text();
}
