import { IDENTITY } from '../../models/zoo.js';
import { type BenchCase, interleave, type Load, measure, warmUp, withServers } from '../bench.js';
import { finding } from '../finding.js';
import { startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { fitLine, median } from '../statistics.js';

const us = (ms: number): string => `${(ms * 1e3).toFixed(1)} us`;

/** The same tensor as fp32_contents and as raw contents. */
export const contents: BenchCase = {
  name: 'contents',
  run: ({ ...bench }) =>
    withServers([startSluice(bench.cores.one, [bench.zoo])], async (...servers) => {
      const [server] = servers as [(typeof servers)[0]];
      const shape = [1, 65_536];
      const spec = { model: IDENTITY.name, input: IDENTITY.input, shape, variants: 2 };
      const shared = { connections: 4, streams: 2 };
      const typed: Load = { template: requestsFor({ ...spec, contents: 'fp32_contents' }), ...shared };
      const raw: Load = { template: requestsFor(spec), ...shared };
      await warmUp(bench, server, typed);
      await warmUp(bench, server, raw);
      const pairs = await interleave(
        bench.effort.rounds,
        () => measure(bench, server, typed),
        () => measure(bench, server, raw),
      );
      const [a, b] = [0, 1].map((i) => median(pairs.map((pair) => pair[i as 0 | 1].cpuMsPerCall)));
      return [
        finding({
          from: 'contents',
          what: 'identity, 256 KiB: CPU per call with fp32_contents / raw',
          unit: 'x',
          bar: { kind: 'at most', limit: 1.3 },
          rounds: pairs.map(([left, right]) => left.cpuMsPerCall / right.cpuMsPerCall),
          detail: `${us(a as number)} against ${us(b as number)} a call`,
        }),
      ];
    }),
};

const SIZES_BYTES = [1, 4, 16, 64, 256, 1024, 4096].map((kib) => kib * 1024);

/** CPU per call over the size of the tensor: a line, or something is quadratic. */
export const sizes: BenchCase = {
  name: 'sizes',
  run: ({ ...bench }) =>
    withServers([startSluice(bench.cores.one, [bench.zoo])], async (...servers) => {
      const [server] = servers as [(typeof servers)[0]];
      const loads = SIZES_BYTES.map((bytes): Load => {
        const spec = { model: IDENTITY.name, input: IDENTITY.input, shape: [1, bytes / 4], variants: 2 };
        return {
          template: requestsFor(spec),
          connections: 4,
          streams: 2,
          durationMs: bench.effort.measureMs / 2,
        };
      });
      const short = { ...bench, effort: { ...bench.effort, warmupMs: bench.effort.measureMs / 2 } };
      for (const load of loads) await warmUp(short, server, load);
      const rounds: number[] = [];
      const perCall: number[][] = loads.map(() => []);
      for (let round = 0; round < bench.effort.rounds; round++) {
        const points: [number, number][] = [];
        for (const [i, load] of loads.entries()) {
          const { cpuMsPerCall } = await measure(bench, server, load);
          points.push([SIZES_BYTES[i] as number, cpuMsPerCall]);
          perCall[i]?.push(cpuMsPerCall);
        }
        rounds.push(fitLine(points).r2);
      }
      const figures = perCall.map(
        (values, i) => `${(SIZES_BYTES[i] as number) / 1024} KiB ${us(median(values))}`,
      );
      return [
        finding({
          from: 'sizes',
          what: 'identity, 1 KiB to 4 MiB: R2 of CPU per call over size',
          unit: 'share',
          bar: { kind: 'at least', limit: 0.98 },
          rounds,
          detail: figures.join(', '),
        }),
      ];
    }),
};
