import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchCase, interleave, type Load, measure, warmUp, withServers } from '../bench.js';
import { residentBytes } from '../cpu.js';
import { finding } from '../finding.js';
import { runBare, type ServerUnderTest, startEcho, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { median } from '../statistics.js';

const template = requestsFor({ model: 'iris', input: 'X', shape: [1, 4] });
const us = (ms: number): string => `${(ms * 1e3).toFixed(0)} us`;

/** One request at a time: nothing to batch, every hand-off shows. */
export const alone: BenchCase = {
  name: 'alone',
  run: (bench) => {
    const { cores, effort } = bench;
    const starts = [startSluice(cores.one, [bench.irisModel], bench.nodeArgs), startEcho(cores.one)];
    return withServers(starts, async (...servers) => {
      const [sluice, echo] = servers as [ServerUnderTest, ServerUnderTest];
      const load: Load = { template, connections: 1, streams: 1 };
      await warmUp(bench, sluice, load);
      await warmUp(bench, echo, load);
      const path = join(bench.irisModel, '2', 'model.onnx');
      const bareMs: number[] = [];
      const pairs = await interleave(
        effort.rounds,
        () => measure(bench, sluice, load),
        async () => {
          const bare = await runBare(cores.one, { path, input: 'X', shape: [1, 4] }, effort.measureMs / 4);
          bareMs.push(bare.p50Ms);
          return measure(bench, echo, load);
        },
      );
      const [ours, bare] = [0, 1].map((i) => median(pairs.map((pair) => pair[i as 0 | 1].p50Ms)));
      return [
        finding({
          from: 'alone',
          what: 'iris, 1 row, one request at a time: p50 / (echo p50 + bare run p50)',
          unit: 'x',
          bar: { kind: 'at most', limit: 1.7 },
          rounds: pairs.map(([a, b], i) => a.p50Ms / (b.p50Ms + (bareMs[i] as number))),
          detail: `${us(ours as number)} against ${us(bare as number)} + ${us(median(bareMs))}`,
        }),
      ];
    });
  },
};

const LOOKS = 5;

/** Memory after many requests against memory after some: what leaks shows. */
export const memory: BenchCase = {
  name: 'memory',
  run: (bench) =>
    withServers([startSluice(bench.cores.one, [bench.irisModel])], async (...servers) => {
      const [server] = servers as [ServerUnderTest];
      const [first, second] = bench.effort.memoryCalls;
      const loaded = async (calls: number): Promise<number> => {
        const load: Load = { template, connections: 10, streams: 10, maxCalls: calls, durationMs: 3_600_000 };
        await measure(bench, server, load);
        const looks: number[] = [];
        for (let i = 0; i < LOOKS; i++) {
          await sleep(200);
          looks.push(residentBytes(server.pid));
        }
        return median(looks);
      };
      const early = await loaded(first);
      const late = await loaded(second - first);
      const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
      return [
        finding({
          from: 'memory',
          what: `resident memory after ${second} requests / after ${first}`,
          unit: 'x',
          bar: { kind: 'at most', limit: 1.05 },
          rounds: [late / early],
          detail: `${mib(late)} against ${mib(early)}`,
        }),
      ];
    }),
};
