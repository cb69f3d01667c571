import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { monotonicMs } from '../gateway/core/clock.js';
import { GatewayError, quote } from '../gateway/core/error.js';
import { GOLDEN_FILE } from '../gateway/core/golden.js';
import type { Manifest, PrepareRequest } from '../gateway/core/manifest.js';
import { hasGolden } from './golden-file.js';
import type { SessionResult } from './onnx-runtime.js';
import type { WireTensor } from './protocol.js';
import { autofill } from './signature.js';
import { commandedBy, commit, FaultDice, type FaultKind, type FaultMoment, sleep } from './waiting-faults.js';
import { FaultOrders } from './waiting-orders.js';
import { parseWaitingSpec, type WaitingSpec } from './waiting-spec.js';

/**
 * The waiting runtime: a synthetic model whose runs take time but no CPU, so that a few cores carry many workers, and
 * which fails on command. For tests and benchmarks: a server serves it only with `--enable-waiting-runtime`.
 */

/** Largest `model.wait.json` that is read, in bytes. */
const MAX_SPEC_BYTES = 1_000_000;
const LOOK_EVERY_MS = 1;

/** A loaded waiting model. Runs block the thread, as the real runtime's do. */
export class WaitingSession {
  readonly #spec: WaitingSpec;
  readonly #dice: FaultDice;
  readonly #orders: FaultOrders;

  private constructor(spec: WaitingSpec, orders: FaultOrders) {
    this.#spec = spec;
    this.#dice = new FaultDice(spec.faults, spec.seed);
    this.#orders = orders;
  }

  /** Waits for the times of load and warm-up, and fails as the model's faults of these say. Throws FAILED_PRECONDITION. */
  static async create(modelPath: string): Promise<WaitingSession> {
    const spec = parseWaitingSpec(await readSpec(modelPath));
    const folder = spec.faultFolder && join(dirname(modelPath), spec.faultFolder);
    const session = new WaitingSession(spec, new FaultOrders(folder));
    await session.#wait('load', spec.loadMs);
    await session.#wait('warm-up', spec.warmUpMs);
    return session;
  }

  /** Echoes the inputs after `fixed + perRow * rows` milliseconds. A fault happens half-way; one that is ordered, at once. */
  async run(inputs: readonly WireTensor[], outputs: readonly string[]): Promise<SessionResult> {
    const { costMs } = this.#spec;
    const first = inputs.find(({ name }) => name === this.#spec.inputs[0]?.name);
    const fault = (first && commandIn(first)) ?? this.#dice.draw('run');
    const startedAt = monotonicMs();
    const ms = costMs.fixed + costMs.perRow * (first?.shape[0] ?? 1);
    if (fault !== undefined) {
      sleep(ms / 2);
      await commit(fault);
    }
    await this.#work(startedAt + ms);
    const endedAt = monotonicMs();
    return { outputs: outputs.map((name) => this.#echo(name, inputs)), startedAt, endedAt };
  }

  /** Waits, and looks for orders meanwhile: of several, workers that run take one each, before the first is missed. */
  async #work(until: number): Promise<void> {
    const stepMs = this.#spec.faultFolder === undefined ? Number.POSITIVE_INFINITY : LOOK_EVERY_MS;
    for (;;) {
      const order = this.#orders.take('run');
      if (order !== undefined) await commit(order);
      const leftMs = until - monotonicMs();
      if (leftMs <= 0) return;
      sleep(Math.min(leftMs, stepMs));
    }
  }

  async release(): Promise<void> {}

  async #wait(when: FaultMoment, ms: number): Promise<void> {
    sleep(ms);
    const fault = this.#orders.take(when) ?? this.#dice.draw(when);
    if (fault !== undefined) await commit(fault);
  }

  #echo(name: string, inputs: readonly WireTensor[]): WireTensor {
    const source = this.#spec.inputs[this.#spec.outputs.findIndex((output) => output.name === name)];
    const input = inputs.find((tensor) => tensor.name === source?.name);
    if (input === undefined)
      throw new GatewayError('INTERNAL', `the model failed: it has no output ${quote(name)} to echo`, {
        reason: 'model_error',
      });
    // The same buffer goes back: nobody needs the input any more.
    return { ...input, name };
  }
}

/** The manifest of a waiting model: nothing is tried out, since everything is known. Throws FAILED_PRECONDITION. */
export async function prepareWaiting(request: PrepareRequest): Promise<Manifest> {
  const { model, version, modelPath, defaultMaxBatchSize } = request;
  const text = await readSpec(modelPath);
  const spec = parseWaitingSpec(text);
  const maxBatchSize = request.maxBatchSize ?? spec.maxBatchSize;
  const signature = autofill(spec.inputs, spec.outputs, {
    defaultMaxBatchSize,
    ...(maxBatchSize !== undefined && { maxBatchSize }),
  });
  const most = Math.max(1, signature.maxBatchSize);
  const rows = [1, 2, 4, 8, 16, 32].filter((count) => count <= most);
  return {
    model,
    version,
    signature,
    preparedPath: modelPath,
    batchCheck: signature.batchable ? 'verified' : 'unbatchable',
    latency: rows.map((count) => ({ rows: count, ms: spec.costMs.fixed + spec.costMs.perRow * count })),
    sha256: createHash('sha256').update(text).digest('hex'),
    bytes: Buffer.byteLength(text),
    warnings: [
      'it is a waiting model: it computes nothing, echoes its inputs and fails on command',
      ...((await hasGolden(request)) ? [`${GOLDEN_FILE} has no effect on a waiting model`] : []),
      ...(request.configuration?.warmUp ? ['model_warmup has no effect on a waiting model'] : []),
    ],
    ...(request.configuration && { configuration: request.configuration }),
  };
}

async function readSpec(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown reason';
    throw new GatewayError('FAILED_PRECONDITION', `its file cannot be read: ${code}`, {
      reason: 'model_error',
    });
  }
  if (text.length <= MAX_SPEC_BYTES) return text;
  throw new GatewayError(
    'FAILED_PRECONDITION',
    `its file has over ${MAX_SPEC_BYTES} characters: wanted a small JSON`,
    { reason: 'model_error' },
  );
}

/** The command in the first element of any row; the first row that has one counts. */
function commandIn({ datatype, shape, data }: WireTensor): FaultKind | undefined {
  const rows = shape[0] ?? 1;
  if (datatype !== 'FP32' || rows === 0) return undefined;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const rowBytes = Math.floor(data.byteLength / rows);
  for (let at = 0; rowBytes >= 4 && at < data.byteLength; at += rowBytes) {
    const kind = commandedBy(view.getFloat32(at, true));
    if (kind !== undefined) return kind;
  }
  return undefined;
}
