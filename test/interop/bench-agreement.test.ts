/**
 * The load generator beside two others, ghz (Go) and h2load (C), on the same server in the same run: closed-loop figures
 * must agree within 10%, or one of them measures itself. And they must agree with the truth, which is known here.
 *
 * Why not at a saturated server. There the figures are decided by CPU time: by who else uses the machine, and by how a
 * generator bunches its calls, since that decides how large the batches are and so how many calls a core can answer. Three
 * generators that are all right may then differ by half, and on a shared machine one differs from itself by as much.
 *
 * Here time decides instead. The models wait: a run takes `fixed` milliseconds and no CPU, whatever the machine does, and one
 * call at a time (maxBatchSize 1). With w workers and c calls always open, as many as min(c, w) are run at once, so that
 *   rate = min(c, w) / fixed, and every call's latency = c / rate (Little's law; calls wait in the order they came).
 * - low: 16 calls on 64 workers, 400 ms: 40/s, 400 ms. Nobody waits for anything.
 * - high: 256 calls on 64 workers, 100 ms: 640/s, 400 ms. Three quarters of that are spent in the queue. The server needs less
 *   than half a core for it; that is asserted, and what the whole machine needed is printed.
 * Latencies are so long because a stall of the server delays every call that is open, at the high point 256 of 2560: one in
 * a run is the run's p99. A process that wants a core in use by others, or collects garbage, stalls for 10 to 25 ms on a
 * machine shared with others; a tenth of 400 ms has room for that. The price: an error
 * of a generator shows only from 40 ms a call, or 10%; what is proportional shows, what is constant and small does not.
 * Runs last 4 s, of which ghz's connecting, which it counts, is some 10 ms. A run begins with a burst of all its calls, which
 * wait for one another as later ones never do. What began in the first three rounds is left out of the percentiles, of
 * all three: ours warms up so long, the others say when each call began. `calls` are whole rounds.
 * Rounds are interleaved, and each generator goes first in its turn. Of every figure the median of the rounds counts.
 * Rate and p50 must agree; p99s are printed: a single stall of the machine decides one, whichever generator runs just then.
 *
 * Chosen before any run: models that wait, known rates, medians, 100 ms. Changed after runs had failed: 400 ms instead of 100,
 * the first rounds left out, p99 printed instead of asserted. It still fails on a machine whose cores are nearly all
 * busy (in all runs that failed so, 91% and more): then CPU time decides after all. That is not skipped over.
 *
 * All three send the same bytes, as many times, over as many connections and streams.
 */
import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import { test } from 'node:test';
import type { CallTemplate } from '../../bench/contract.js';
import { threadTimes, totalMs, usedMs } from '../../bench/side-by-side/cpu.js';
import { encodeInfer, inferRequest, OIP_INFER } from '../../bench/targets/oip.js';
import { irisTemplate } from '../support/load-plans.js';
import { startServerProcess } from '../support/server-process.js';
import { makeRepository } from '../support/use-gateway.js';
import { type Figures, findGenerators, type Generators, type Loop } from './generators.js';
import { assertOrderly, startForInterop } from './tools.js';

const TOLERANCE = 0.1;
const ROUNDS = 3;
const WORKERS = 64;
/** Of one core, of all the server's threads together. */
const MAX_SERVER_CPU = 0.5;

interface Point {
  readonly name: string;
  readonly fixedMs: number;
  readonly connections: number;
  readonly streams: number;
  readonly calls: number;
}

const POINTS: readonly Point[] = [
  { name: 'low', fixedMs: 400, connections: 4, streams: 4, calls: 160 },
  { name: 'high', fixedMs: 100, connections: 4, streams: 64, calls: 2560 },
];

function truth({ fixedMs, connections, streams }: Point): Figures {
  const open = connections * streams;
  const ratePerS = (Math.min(open, WORKERS) * 1000) / fixedMs;
  const latencyMs = (open * 1000) / ratePerS;
  return { ratePerS, p50Ms: latencyMs, p99Ms: latencyMs };
}

function waitTemplate(model: string): CallTemplate {
  const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
  const body = encodeInfer(inferRequest(model, '', [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }]));
  return { name: model, path: OIP_INFER, bodies: [body], weight: 1, rows: 1 };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;

const KEYS = ['ratePerS', 'p50Ms', 'p99Ms'] as const;
const ASSERTED = ['ratePerS', 'p50Ms'] as const;

const words = ({ ratePerS, p50Ms, p99Ms }: Figures): string =>
  `${ratePerS.toFixed(1)} calls/s, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;

/** Each generator's figures over interleaved rounds. */
async function measure(generators: Generators, port: number, loop: Loop): Promise<Record<string, Figures>> {
  const names = Object.keys(generators);
  const found = new Map<string, Figures[]>(names.map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length] as string;
      found.get(name)?.push((await generators[name]?.(port, loop)) as Figures);
    }
  const over = (all: readonly Figures[]): Figures => {
    const [ratePerS = 0, p50Ms = 0, p99Ms = 0] = KEYS.map((key) => median(all.map((one) => one[key])));
    return { ratePerS, p50Ms, p99Ms };
  };
  return Object.fromEntries([...found].map(([name, all]) => [name, over(all)]));
}

/** Rates and p50s of every generator against the truth and against the other generators'. */
function disagreements(found: Readonly<Record<string, Figures>>): string[] {
  const all = Object.entries(found);
  return all.flatMap(([name, figures], i) =>
    all
      .slice(i + 1)
      .flatMap(([other, others]) =>
        ASSERTED.filter((key) => !(Math.abs(figures[key] / others[key] - 1) <= TOLERANCE)).map(
          (key) => `${key}: ${name} ${figures[key].toFixed(1)}, ${other} ${others[key].toFixed(1)}`,
        ),
      ),
  );
}

/** CPU time of the whole machine so far, busy and in all. */
function machineMs(): { busy: number; all: number } {
  const sum = { busy: 0, all: 0 };
  for (const { times } of cpus()) {
    const all = times.user + times.nice + times.sys + times.idle + times.irq;
    sum.all += all;
    sum.busy += all - times.idle;
  }
  return sum;
}

test('closed-loop figures agree with ghz, h2load and arithmetic within 10%', async (t) => {
  const generators = findGenerators(t);
  if (generators === undefined) return;
  const repository = makeRepository(
    t,
    Object.fromEntries(
      POINTS.map(({ name, fixedMs }) => [
        `${name}/1/model.wait.json`,
        Buffer.from(JSON.stringify({ costMs: { fixed: fixedMs }, maxBatchSize: 1 })),
      ]),
    ),
  );
  const flags = ['--enable-waiting-runtime', '--workers', String(WORKERS)];
  const server = await startServerProcess({ args: ['--model-repository', repository, ...flags] });
  t.after(async () => assertOrderly(await server.stop(), server));
  for (const point of POINTS)
    await t.test(point.name, async (t) => {
      const { connections, streams, calls } = point;
      const loop: Loop = { template: waitTemplate(point.name), connections, streams, calls };
      const [startedAt, machine, before] = [performance.now(), machineMs(), threadTimes(server.pid)];
      const found = await measure(generators, server.grpcPort, loop);
      const serverCpu = totalMs(usedMs(before, threadTimes(server.pid))) / (performance.now() - startedAt);
      const { busy, all } = machineMs();
      const machineCpu = (busy - machine.busy) / (all - machine.all);
      const expected = truth(point);
      t.diagnostic(`arithmetic: ${words(expected)}`);
      for (const [name, figures] of Object.entries(found)) t.diagnostic(`${name}: ${words(figures)}`);
      t.diagnostic(
        `busy: server ${Math.round(serverCpu * 100)}% of a core, all of the machine's ${cpus().length} cores ${Math.round(machineCpu * 100)}%`,
      );
      assert.ok(serverCpu < MAX_SERVER_CPU, `time decides nothing here: server ${serverCpu} of a core`);
      assert.deepEqual(disagreements({ arithmetic: expected, ...found }), []);
    });
});

test('a saturated server, for the record: the rates depend on how calls are bunched, and nothing is asserted of them', async (t) => {
  const generators = findGenerators(t);
  if (generators === undefined) return;
  const server = await startForInterop([]);
  t.after(async () => assertOrderly(await server.stop(), server));
  const template = irisTemplate([{ row: [5.1, 3.5, 1.4, 0.2], label: 0 }]);
  const loop: Loop = { template, connections: 4, streams: 4, calls: 8000 };
  for (const [name, run] of Object.entries(generators))
    t.diagnostic(`${name}: ${Math.round((await run(server.grpcPort, loop)).ratePerS)} calls/s`);
});
