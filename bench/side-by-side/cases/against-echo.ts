import { IDENTITY } from '../../models/zoo.js';
import {
  type Bench,
  type BenchCase,
  interleave,
  type Load,
  type Measured,
  measure,
  warmUp,
  withServers,
} from '../bench.js';
import { type Finding, finding } from '../finding.js';
import { startEcho, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';
import { median } from '../statistics.js';

/** Whole requests against a bare grpc-js echo of the same bytes: what the gateway and the model cost on top. */

interface Against {
  readonly from: string;
  readonly what: string;
  readonly model: string;
  readonly load: Load;
  readonly limit: number;
}

const us = (ms: number): string => `${(ms * 1e3).toFixed(1)} us`;

/** CPU per call of both, paired. */
async function againstEcho(bench: Bench, { from, what, model, load, limit }: Against): Promise<Finding> {
  const { cores, effort, nodeArgs } = bench;
  const starts = [startSluice(cores.one, [model], nodeArgs), startEcho(cores.one)];
  return withServers(starts, async (...servers) => {
    const [sluice, echo] = servers as [(typeof servers)[0], (typeof servers)[0]];
    await warmUp(bench, sluice, load);
    await warmUp(bench, echo, load);
    const pairs = await interleave(
      effort.rounds,
      () => measure(bench, sluice, load),
      () => measure(bench, echo, load),
    );
    const rounds = pairs.map(([ours, bare]) => ours.cpuMsPerCall / bare.cpuMsPerCall);
    return finding({
      from,
      what,
      unit: 'x',
      bar: { kind: 'at most', limit },
      rounds,
      detail: describe(pairs, sluice.pid),
    });
  });
}

function describe(pairs: readonly (readonly [Measured, Measured])[], pid: number): string {
  const of = (side: 0 | 1, pick: (measured: Measured) => number): number =>
    median(pairs.map((pair) => pick(pair[side])));
  const rate = (side: 0 | 1): string => `${Math.round(of(side, (m) => (m.calls / m.wallMs) * 1e3))}/s`;
  const main = of(0, (m) => (m.threads.get(pid) ?? 0) / m.calls);
  return [
    `${us(of(0, (m) => m.cpuMsPerCall))} a call, ${us(main)} of it on the main thread; echo ${us(of(1, (m) => m.cpuMsPerCall))}`,
    `${rate(0)} against ${rate(1)}; mean batch ${of(0, (m) => m.server.batchRows ?? 0).toFixed(1)} rows`,
    `generator busy ${(of(0, (m) => m.busy) * 100).toFixed(0)}% and ${(of(1, (m) => m.busy) * 100).toFixed(0)}%`,
  ].join('; ');
}

const irisRow = requestsFor({ model: 'iris', input: 'X', shape: [1, 4] });

export const iris: BenchCase = {
  name: 'iris',
  run: async (bench) => [
    await againstEcho(bench, {
      from: 'iris',
      what: 'iris, 1 row, 10 connections x 10 streams: CPU per request / echo',
      model: bench.irisModel,
      load: { template: irisRow, connections: 10, streams: 10 },
      limit: 1.25,
    }),
  ],
};

export const irisConnections: BenchCase = {
  name: 'iris-connections',
  run: async (bench) => [
    await againstEcho(bench, {
      from: 'iris-connections',
      what: 'iris, 1 row, 100 connections x 1 stream: CPU per request / echo',
      model: bench.irisModel,
      load: { template: irisRow, connections: 100, streams: 1 },
      limit: 1.25,
    }),
  ],
};

export const megabyte: BenchCase = {
  name: 'megabyte',
  run: async (bench) => [
    await againstEcho(bench, {
      from: 'megabyte',
      what: 'identity, 1 MiB in and out: CPU per call / echo',
      model: bench.zoo,
      load: {
        template: requestsFor({ model: IDENTITY.name, input: 'X', shape: [1, 262_144], variants: 2 }),
        connections: 4,
        streams: 2,
      },
      limit: 1.3,
    }),
  ],
};
