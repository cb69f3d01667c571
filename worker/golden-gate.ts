import { GatewayError, quote } from '../gateway/core/error.js';
import { GOLDEN_FILE } from '../gateway/core/golden.js';
import type { Signature } from '../gateway/core/model.js';
import { stackAnswers } from './batch-check.js';
import { type Answer, answerOf, firstMiss, rowsOf } from './golden-compare.js';
import { type GoldenLine, parseGolden } from './golden-line.js';
import type { Runnable } from './probe.js';
import type { WireTensor } from './protocol.js';

/** Of one run, whatever the model takes: 100 rows are one run, and a wide model's answers stay small. */
const MAX_RUN_ROWS = 128;
const MAX_RUN_BYTES = 8 * 1024 * 1024;

/**
 * Asks a model all its golden lines, in batches where rows may run together. Throws FAILED_PRECONDITION when it misses one, with how many and
 * where the first is, when it fails on one, and when there are none.
 */
export async function passGoldenGate(session: Runnable, signature: Signature, text: string): Promise<void> {
  const outputs = signature.outputs.map(({ name }) => name);
  let lines = 0;
  let missed = 0;
  let first: string | undefined;
  for (const group of groups(parseGolden(text, signature), signature)) {
    const answers = await answersOf(session, outputs, group);
    for (const [i, line] of group.entries()) {
      lines++;
      const miss = missOf(line, answers[i] as readonly Answer[]);
      if (miss === undefined) continue;
      missed++;
      first ??= `${nameOf(line)}, ${miss}`;
    }
  }
  if (lines === 0) throw refuse(': it has no rows: nothing would be checked');
  if (first !== undefined) throw refuse(`: ${missed} of ${lines} lines missed, first ${first}`);
}

/** Lines that may run together: one after the other, with rows of the same shapes. Throws for one with more rows than are served. */
function* groups(lines: Iterable<GoldenLine>, signature: Signature): Generator<GoldenLine[]> {
  const { batchable, maxBatchSize } = signature;
  const most = batchable ? Math.min(maxBatchSize, MAX_RUN_ROWS) : 1;
  let group: GoldenLine[] = [];
  let [rows, bytes] = [0, 0];
  for (const line of lines) {
    const own = rowsIn(line);
    if (batchable && own !== undefined && own > maxBatchSize)
      throw refuse(` line ${line.line} has ${own} rows, the model takes at most ${maxBatchSize}`);
    const size = bytesOf(line);
    const joins =
      group.length > 0 &&
      own !== undefined &&
      rows + own <= most &&
      bytes + size <= MAX_RUN_BYTES &&
      rowShapes(line) === rowShapes(group[0] as GoldenLine);
    if (!joins && group.length > 0) {
      yield group;
      group = [];
      [rows, bytes] = [0, 0];
    }
    group.push(line);
    rows += own ?? most;
    bytes += size;
  }
  if (group.length > 0) yield group;
}

/** Each line's answers, from one run where that works. */
async function answersOf(
  session: Runnable,
  outputs: readonly string[],
  group: readonly GoldenLine[],
): Promise<(readonly Answer[])[]> {
  const together = group.length > 1 ? await runTogether(session, outputs, group) : undefined;
  if (together !== undefined) return together;
  const answers: (readonly Answer[])[] = [];
  for (const line of group) {
    try {
      const { outputs: alone } = await session.run(line.inputs, outputs);
      answers.push(alone.map(answerOf));
    } catch (error) {
      throw refuse(` ${nameOf(line)}: ${GatewayError.from(error).message}`, error);
    }
  }
  return answers;
}

/** Undefined where the model does not take or not give as many rows: they are then asked one by one. */
async function runTogether(
  session: Runnable,
  outputs: readonly string[],
  group: readonly GoldenLine[],
): Promise<(readonly Answer[])[] | undefined> {
  const counts = group.map((line) => rowsIn(line) as number);
  const total = counts.reduce((sum, rows) => sum + rows, 0);
  let batch: readonly WireTensor[];
  try {
    ({ outputs: batch } = await session.run(stackAnswers(group.map((line) => inOrder(line))), outputs));
  } catch {
    return undefined;
  }
  if (batch.some(({ shape }) => shape[0] !== total)) return undefined;
  const answers = batch.map(answerOf);
  let from = 0;
  return counts.map((rows) => {
    const own = answers.map((answer) => rowsOf(answer, from, rows));
    from += rows;
    return own;
  });
}

function missOf(line: GoldenLine, answers: readonly Answer[]): string | undefined {
  for (const wanted of line.outputs) {
    const got = answers.find(({ name }) => name === wanted.name);
    const miss = firstMiss(wanted, got, line.tolerance);
    if (miss !== undefined) return miss;
  }
  return undefined;
}

/** Lines may name their inputs in any order. */
function inOrder({ inputs }: GoldenLine): readonly WireTensor[] {
  return inputs.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Rows of a line's inputs; undefined where they have none, or not the same. */
function rowsIn({ inputs }: GoldenLine): number | undefined {
  const [rows, ...others] = inputs.map(({ shape }) => shape[0]);
  return rows !== undefined && rows > 0 && others.every((other) => other === rows) ? rows : undefined;
}

function bytesOf({ inputs }: GoldenLine): number {
  return inputs.reduce((sum, { data }) => sum + data.byteLength, 0);
}

function rowShapes(line: GoldenLine): string {
  return inOrder(line)
    .map(({ shape }) => shape.slice(1).join())
    .join(';');
}

function nameOf({ line, note }: GoldenLine): string {
  return note === undefined ? `line ${line}` : `line ${line} (${quote(note, 60)})`;
}

function refuse(problem: string, cause?: unknown): GatewayError {
  return new GatewayError('FAILED_PRECONDITION', `${GOLDEN_FILE}${problem}`, {
    reason: 'model_error',
    cause,
  });
}
