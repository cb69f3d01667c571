import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallTemplate } from '../../contract.js';
import { HEAVY_MLP } from '../../models/zoo.js';
import { type Bench, type BenchCase, type Load, measure, warmUp, withServers } from '../bench.js';
import type { Finding } from '../finding.js';
import {
  type Measurements,
  type OverloadBars,
  overloadFindings,
  overloadTable,
  peakOf,
} from '../overload/findings.js';
import {
  type DeadlineKind,
  deadlinesMs,
  FACTORS,
  fullBatchMs,
  type WaitingModel,
  waitingCapacity,
  withDeadlines,
} from '../overload/load.js';
import { measureOverload } from '../overload/measure.js';
import type { OverloadRow } from '../overload/row.js';
import { type ServerUnderTest, startSluice } from '../processes.js';
import { requestsFor } from '../requests.js';

/** More calls than the server can answer: how many deadlines it still keeps, and what it does with the rest. */

type Scheduler = 'deadline' | 'fifo';

/** What a server can do. */
interface Capacity {
  readonly capacityPerS: number;
  /** Time of a batch at capacity. */
  readonly serviceMs: number;
}

interface SetUp {
  readonly from: string;
  readonly what: string;
  readonly scheduler: Scheduler;
  readonly template: CallTemplate;
  readonly bars: OverloadBars;
  readonly sharesCores: boolean;
  /** Leaves the server warm. */
  capacity(bench: Bench, server: ServerUnderTest): Promise<Capacity>;
}

async function overload(bench: Bench, setUp: SetUp, start: Promise<ServerUnderTest>): Promise<Finding[]> {
  return withServers([start], async (...servers) => {
    const [server] = servers as [ServerUnderTest];
    const capacity = await setUp.capacity(bench, server);
    const found: Finding[] = [];
    for (const kind of ['equal', 'mixed'] as const) {
      const measured = await measureAll(bench, setUp, server, { ...capacity, kind });
      bench.table(overloadTable(measured));
      found.push(...overloadFindings(measured, setUp.bars));
    }
    return found;
  });
}

async function measureAll(
  bench: Bench,
  { from, what, scheduler, template, sharesCores }: SetUp,
  server: ServerUnderTest,
  load: Capacity & { readonly kind: DeadlineKind },
): Promise<Measurements> {
  const templates = withDeadlines(template, deadlinesMs(load.kind, load.serviceMs));
  const rounds: OverloadRow[][] = [];
  for (let round = 0; round < bench.effort.rounds; round++) {
    const rows: OverloadRow[] = [];
    for (const factor of FACTORS) {
      const offered = { factor, ratePerS: factor * load.capacityPerS, templates, seed: round + 1 };
      rows.push(await measureOverload(bench, server, offered));
    }
    bench.log(`${from}, ${load.kind}: peak ${Math.round(peakOf(rows))}/s`);
    rounds.push(rows);
  }
  const shared = sharesCores && { sharedCores: bench.cores.count };
  return { from, what: `${what}, scheduler ${scheduler}`, ...load, rounds, ...shared };
}

/** A fifo server is there to be compared with: nothing is wanted of it. */
const NO_BARS: OverloadBars = { goodput: [] };
const MOST_WASTED = 0.02;

const WAITING: WaitingModel = { fixedMs: 20, perRowMs: 2, maxBatch: 16, workers: 2 };

/** A model that takes time and no CPU: what the scheduler does, whatever the cores do. */
function waitingCase(name: string, scheduler: Scheduler): BenchCase {
  const setUp: SetUp = {
    from: name,
    what: 'waiting model, 20 + 2 b ms, at most 16 rows, 2 workers',
    scheduler,
    template: requestsFor({ model: 'wait', input: 'X', shape: [1, 4] }),
    sharesCores: false,
    bars:
      scheduler === 'fifo'
        ? NO_BARS
        : {
            goodput: [
              [2, 0.95],
              [4, 0.9],
              [10, 0.75],
            ],
            p99: [0.8, 3],
            wasted: MOST_WASTED,
          },
    capacity: async (bench, server) => {
      const load: Load = { template: setUp.template, connections: 4, streams: 16 };
      await warmUp(bench, server, load);
      return { capacityPerS: waitingCapacity(WAITING), serviceMs: fullBatchMs(WAITING) };
    },
  };
  return {
    name,
    run: async (bench) => {
      const repository = mkdtempSync(join(tmpdir(), 'sluice-overload-'));
      try {
        const { fixedMs: fixed, perRowMs: perRow, maxBatch: maxBatchSize, workers } = WAITING;
        mkdirSync(join(repository, 'wait/1'), { recursive: true });
        const spec = JSON.stringify({ costMs: { fixed, perRow }, maxBatchSize });
        writeFileSync(join(repository, 'wait/1/model.wait.json'), spec);
        const flags = [
          '--enable-waiting-runtime',
          '--workers',
          String(workers),
          ...schedulerFlags(scheduler),
        ];
        return await overload(
          bench,
          setUp,
          startSluice(bench.cores.one, [repository, ...flags], bench.nodeArgs),
        );
      } finally {
        rmSync(repository, { recursive: true, force: true });
      }
    },
  };
}

function schedulerFlags(scheduler: Scheduler): string[] {
  return ['--queue-scheduler', scheduler];
}

/** In flight in the closed loop: one large batch runs on each worker while the next one gathers. */
const CLOSED: Omit<Load, 'template'> = { connections: 4, streams: 32 };

/** A server that is not warm yet seems able to do less than it can, and every load of the table would be too low. */
const LEAST_WARM_UP_MS = 3000;
const CAPACITY_TRIES = 3;

async function bestOf(bench: Bench, server: ServerUnderTest, load: Load): Promise<Capacity> {
  let best: Capacity = { capacityPerS: 0, serviceMs: Number.NaN };
  for (let i = 0; i < CAPACITY_TRIES; i++) {
    const { calls, wallMs, server: figures } = await measure(bench, server, load);
    const capacityPerS = (calls * 1e3) / wallMs;
    bench.log(
      `closed loop: ${Math.round(capacityPerS)}/s in batches of ${figures.batchRows?.toFixed(1)}, ${figures.computeMs?.toFixed(1)} ms each`,
    );
    if (capacityPerS > best.capacityPerS) best = { capacityPerS, serviceMs: figures.computeMs ?? Number.NaN };
  }
  return best;
}

/** A model that needs all cores: whatever turns calls away takes it from the model. */
function mlpCase(name: string, scheduler: Scheduler): BenchCase {
  const template = requestsFor({ model: HEAVY_MLP.name, input: HEAVY_MLP.input, shape: [1, 1024] });
  const setUp: SetUp = {
    from: name,
    what: HEAVY_MLP.name,
    scheduler,
    template,
    sharesCores: true,
    bars: scheduler === 'fifo' ? NO_BARS : { goodput: [[2, 0.9]], wasted: MOST_WASTED },
    capacity: async (bench, server) => {
      const load: Load = { template, ...CLOSED };
      const warmupMs = Math.max(LEAST_WARM_UP_MS, bench.effort.warmupMs);
      await warmUp({ ...bench, effort: { ...bench.effort, warmupMs } }, server, load);
      return bestOf(bench, server, { ...load, durationMs: bench.effort.measureMs / 2 });
    },
  };
  return {
    name,
    run: (bench) => {
      const model = join(bench.zoo, HEAVY_MLP.name);
      const args = [model, ...schedulerFlags(scheduler)];
      return overload(bench, setUp, startSluice(bench.cores.all, args, bench.nodeArgs));
    },
  };
}

export const waiting = waitingCase('waiting', 'deadline');
export const waitingFifo = waitingCase('waiting-fifo', 'fifo');
export const bigMlp = mlpCase('mlp', 'deadline');
export const bigMlpFifo = mlpCase('mlp-fifo', 'fifo');
