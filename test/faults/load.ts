import { setTimeout as delay } from 'node:timers/promises';
import { monotonicMs } from '../../bench/clock.js';
import type { CallTemplate, LoadResult } from '../../bench/contract.js';
import { runLoad } from '../../bench/run-load.js';
import { encodeInfer, inferRequest, OIP_INFER } from '../../bench/targets/oip.js';
import { planFor, template } from '../support/load-plans.js';
import { type FaultTimes, median } from './plan.js';
import { MODEL } from './repository.js';
import type { Measured, Round } from './scenario.js';
import type { System } from './system.js';

/** More different calls than can be open at once: an answer that belongs to another call is a wrong one. */
const BODIES = 2000;
const DEADLINE_MS = 10_000;
const DRAIN_MS = 12_000;
const CONNECTIONS = 2;
/** Half a millisecond more or less says nothing here, and to be exact would cost a core that the server wants. */
const TICK_MS = 0.5;
/** How long to wait for the capacity to be full again, and how often to look. */
const FULL_WITHIN_MS = 5000;
const LOOK_EVERY_MS = 2;

/** Calls of the waiting model, each with a first element of its own, which it must get back. */
export function waitingCalls(): CallTemplate {
  const rows = Array.from({ length: BODIES }, (_, i) => rowOf(i + 1));
  const tensor = (data: Uint8Array) => ({ name: 'X', datatype: 'FP32', shape: [1, 4], data });
  return template({
    name: MODEL,
    path: OIP_INFER,
    bodies: rows.map((data) => encodeInfer(inferRequest(MODEL, '', [tensor(data)]))),
    expect: rows.map((raw) => ({
      outputs: [{ name: 'Y', datatype: 'FP32', raw }],
      absolute: 0,
      relative: 0,
    })),
  });
}

export function rowOf(first: number): Uint8Array {
  return new Uint8Array(Float32Array.of(first, 2, 3, 4).buffer);
}

export interface LoadOptions {
  readonly system: System;
  readonly calls: CallTemplate;
  readonly callsPerS: number;
  readonly times: FaultTimes;
  readonly seed: number;
  readonly workers: number;
  /** Lets the fault happen; resolves with the instant at which it did. */
  readonly strike: () => Promise<number>;
  /** Whether capacity can be full again at all. */
  readonly recovers: boolean;
}

/** A strike, before the figures of its second are known. */
type Struck = Omit<Round, 'p99Ms'> & { readonly second: number };

/** Strikes under an open loop of constant rate, and tells what came of it. */
export async function strikeUnderLoad(options: LoadOptions): Promise<Measured> {
  const { system, calls, callsPerS, times, seed, strike } = options;
  const strikes: Promise<Struck>[] = [];
  let failure: unknown;
  let begun = false;
  const begin = async (startMs: number): Promise<void> => {
    for (const [i, atMs] of times.atMs.entries()) {
      await delay(Math.max(0, startMs + atMs - monotonicMs()));
      const nextMs = startMs + (times.atMs[i + 1] ?? Number.POSITIVE_INFINITY);
      const struck = await strike();
      const second = Math.floor((struck - startMs) / 1000);
      strikes.push(watch(options, struck, nextMs).then((round) => ({ ...round, second })));
    }
  };
  let striking: Promise<void> = Promise.resolve();
  const result = await runLoad(
    planFor(system.grpcPort, {
      templates: [calls],
      arrivals: { kind: 'constant', ratePerS: callsPerS },
      durationMs: times.durationMs,
      connections: CONNECTIONS,
      streamsPerConnection: 1000,
      deadlineMs: DEADLINE_MS,
      tickMs: TICK_MS,
      seed,
      drainMs: DRAIN_MS,
    }),
    {
      onProgress: ({ phase, elapsedMs }) => {
        if (begun || phase !== 'measure') return;
        begun = true;
        striking = begin(monotonicMs() - elapsedMs).catch((error: unknown) => {
          failure = error;
        });
      },
    },
  );
  await striking;
  if (failure !== undefined) throw failure;
  const rounds = await Promise.all(strikes);
  const answered = await system.answered().catch(() => 0);
  return measuredFrom(result, rounds, times, answered);
}

/** Waits until all workers are ready again, or the next fault strikes. */
async function watch(
  { system, workers, recovers }: LoadOptions,
  struck: number,
  nextMs: number,
): Promise<Omit<Round, 'p99Ms'>> {
  if (!recovers) return { fullMs: undefined };
  // Not before the death has been seen: until then all are ready.
  let fell = false;
  const until = struck + FULL_WITHIN_MS;
  for (let now = monotonicMs(); now < until; now = monotonicMs()) {
    const ready = await system.ready().catch(() => 0);
    if (ready < workers) fell = true;
    else if (fell) return { fullMs: now - struck };
    if (now >= nextMs) return { fullMs: undefined, overtaken: true };
    await delay(LOOK_EVERY_MS);
  }
  return { fullMs: undefined };
}

function measuredFrom(
  { counts, timeline, samples, ...result }: LoadResult,
  strikes: readonly Struck[],
  times: FaultTimes,
  answered: number,
): Measured {
  const answeredHere = counts.byStatus['OK'] ?? 0;
  const p99 = (second: number): number | undefined => timeline[second]?.p99Ms;
  const steady = times.steady.map(p99).filter((ms) => ms !== undefined);
  return {
    calls: counts.offered,
    failed: counts.offered - counts.ok - counts.wrong,
    doubled: Math.max(0, answered - answeredHere),
    wrong: counts.wrong,
    steadyP99Ms: median(steady),
    rounds: strikes.map(({ second, ...round }) => ({ ...round, p99Ms: p99(second) })),
    notes: [
      ...samples,
      ...(result.void === undefined ? [] : [`the load generator says of itself: ${result.void}`]),
    ],
  };
}
