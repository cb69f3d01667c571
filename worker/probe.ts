import { monotonicMs } from '../gateway/core/clock.js';
import type { BatchCheck } from '../gateway/core/manifest.js';
import type { Signature } from '../gateway/core/model.js';
import { firstDifference, stackAnswers, stackRows } from './batch-check.js';
import type { SessionResult } from './onnx-runtime.js';
import type { WireTensor } from './protocol.js';
import { type InputSpec, sampleInputs, seededRandom } from './sample-inputs.js';

/** Runs a model on made-up input, to see whether batching changes its answers and how long runs take. */

/** What is needed of a session: an OnnxSession, or a scripted one in tests. */
export interface Runnable {
  run(inputs: readonly WireTensor[], outputs: readonly string[]): Promise<SessionResult>;
}

/** Rows that a model is known to take: of its warm-up's first sample. */
export interface GivenRows {
  row(): WireTensor[];
  /** Whether they differ from each other. A batch of one row's copies shows little. */
  readonly varied: boolean;
}

export interface ProbeResult {
  readonly check: BatchCheck;
  readonly latency: readonly { readonly rows: number; readonly ms: number }[];
  /** Why the check did not verify; `''` when it did or there was nothing to verify. */
  readonly why: string;
}

/** Rows of the batch check. */
const CHECK_ROWS = 8;
/** Runs of about one row's cost that the check makes for each of its rows: alone, in the batch and in a half. */
const RUNS_PER_ROW = 3;
/** Sizes tried for variable dimensions other than the batch, until the model takes one. */
const OPEN_DIM_SIZES = [4, 1, 32];
const LATENCY_MAX_ROWS = 32;
const LATENCY_REPEATS = 3;
/** Share of the budget that latency samples may take. */
const LATENCY_BUDGET_MS = 250;
const SEED = 20_240_613;

/** A place in time until which to try. */
interface Budget {
  readonly now: () => number;
  readonly until: number;
}

/**
 * Never throws for what the model does; takes at most about `budgetMs`, and one run more. Where the model refuses made-up input,
 * `given` takes its place.
 */
export async function probe(
  session: Runnable,
  signature: Signature,
  budgetMs: number,
  now: () => number = monotonicMs,
  given?: GivenRows,
): Promise<ProbeResult> {
  const budget: Budget = { now, until: now() + budgetMs };
  const names = signature.outputs.map((output) => output.name);
  const random = seededRandom(SEED);
  const first = await firstLegalRow(session, signature.inputs, names, random);
  if (!('refusal' in first)) {
    const row = (): WireTensor[] =>
      sampleInputs(signature.inputs, { rows: 1, other: first.other }, random) ?? [];
    const { refused, ...result } = await tryRows(session, signature, row, budget);
    if (!refused || given === undefined) return result;
  } else if (given === undefined)
    return { check: signature.batchable ? 'unknown' : 'unbatchable', latency: [], why: first.refusal };
  const { refused: _, ...result } = await tryRows(session, signature, given.row, budget);
  if (result.check !== 'verified' || given.varied || signature.maxBatchSize < 2) return result;
  return { ...result, check: 'unknown', why: 'of what it takes only copies of one row are known' };
}

interface Tried extends ProbeResult {
  /** The model did not take a row. */
  readonly refused?: boolean;
}

async function tryRows(
  session: Runnable,
  signature: Signature,
  row: () => WireTensor[],
  budget: Budget,
): Promise<Tried> {
  const names = signature.outputs.map((output) => output.name);
  const maxRows = signature.batchable ? signature.maxBatchSize : 1;
  const checked = signature.batchable
    ? await verify(session, names, row, Math.min(CHECK_ROWS, maxRows), budget)
    : { check: 'unbatchable' as const, why: '' };
  const most = checked.check === 'differs' ? 1 : maxRows;
  return { ...checked, latency: await sampleLatency(session, names, row, most, budget) };
}

/** Finds sizes for the open dimensions that the model takes. This is also the session's first, slow run. */
async function firstLegalRow(
  session: Runnable,
  specs: readonly InputSpec[],
  outputs: readonly string[],
  random: () => number,
): Promise<{ other: number } | { refusal: string }> {
  let refusal = 'no input could be made up for it';
  const open = specs.some((spec) => spec.shape.some((dim, i) => i > 0 && dim < 0));
  for (const other of open ? OPEN_DIM_SIZES : OPEN_DIM_SIZES.slice(0, 1)) {
    const inputs = sampleInputs(specs, { rows: 1, other }, random);
    if (inputs === undefined) continue;
    try {
      await session.run(inputs, outputs);
      return { other };
    } catch (error) {
      refusal = `it refused made-up input (${messageOf(error)})`;
    }
  }
  return { refusal };
}

async function verify(
  session: Runnable,
  outputs: readonly string[],
  row: () => WireTensor[],
  wantedRows: number,
  { now, until }: Budget,
): Promise<Omit<Tried, 'latency'>> {
  if (wantedRows < 2) return { check: 'verified', why: '' };
  const rows: WireTensor[][] = [];
  const alone: WireTensor[][] = [];
  let count = wantedRows;
  try {
    while (rows.length < count) {
      const inputs = row();
      const { outputs: answer, startedAt, endedAt } = await session.run(inputs, outputs);
      rows.push(inputs);
      alone.push(answer);
      // What is left pays for n rows when the n - k rows to come run alone, and all n in the batch and in a half.
      const runsLeft = (until - now()) / Math.max(endedAt - startedAt, 1e-3);
      count = Math.min(count, Math.floor((runsLeft + rows.length) / RUNS_PER_ROW));
    }
  } catch (error) {
    return { check: 'unknown', why: `it refused made-up input (${messageOf(error)})`, refused: true };
  }
  if (count < 2) return { check: 'unknown', why: 'it is too slow to be tried in time' };
  rows.length = Math.min(rows.length, count);
  alone.length = rows.length;
  try {
    const difference = await compare(session, outputs, rows, alone);
    return difference === undefined ? { check: 'verified', why: '' } : { check: 'differs', why: difference };
  } catch (error) {
    return { check: 'differs', why: `it fails in a batch (${messageOf(error)})` };
  }
}

/** The rows as one batch, then as two. */
async function compare(
  session: Runnable,
  outputs: readonly string[],
  rows: readonly WireTensor[][],
  alone: readonly WireTensor[][],
): Promise<string | undefined> {
  if (alone.some((answer) => answer.some((output) => output.shape[0] !== 1)))
    return 'one row does not give one row of every output';
  const half = Math.ceil(rows.length / 2);
  for (const [from, to] of [
    [0, rows.length],
    [0, half],
    [half, rows.length],
  ] as const) {
    const { outputs: batch } = await session.run(stackAnswers(rows.slice(from, to)), outputs);
    const difference = firstDifference(stackAnswers(alone.slice(from, to)), batch);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** l(b) for b = 1, 2, 4, ...: medians of a few runs, as far as the time allows. */
async function sampleLatency(
  session: Runnable,
  outputs: readonly string[],
  row: () => WireTensor[],
  maxRows: number,
  { now, until }: Budget,
): Promise<{ rows: number; ms: number }[]> {
  const samples: { rows: number; ms: number }[] = [];
  const end = Math.min(until, now() + LATENCY_BUDGET_MS);
  let inputs = row();
  try {
    for (let rows = 1; rows <= Math.min(maxRows, LATENCY_MAX_ROWS); rows *= 2) {
      if (rows > 1) inputs = inputs.map((tensor) => stackRows([tensor, tensor]));
      const times: number[] = [];
      for (let i = 0; i < LATENCY_REPEATS; i++) {
        // A doubled batch takes at most twice as long as the last one.
        const predicted = times.length > 0 ? Math.min(...times) : 2 * (samples.at(-1)?.ms ?? 0);
        if (samples.length + times.length > 0 && now() + predicted > end) break;
        const { startedAt, endedAt } = await session.run(inputs, outputs);
        times.push(endedAt - startedAt);
      }
      if (times.length === 0) break;
      samples.push({ rows, ms: median(times) });
    }
  } catch {
    // The model refused a row: what was measured stands.
  }
  return samples;
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] as number;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
