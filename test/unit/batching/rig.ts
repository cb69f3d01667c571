import assert from 'node:assert/strict';
import { Batcher } from '../../../gateway/batching/batcher.js';
import type { BatcherOptions } from '../../../gateway/batching/batcher-options.js';
import type { Batch } from '../../../gateway/core/batch.js';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import type { RunCommand, RunOutcome } from '../../../gateway/core/channel.js';
import type { CloseReason } from '../../../gateway/core/close-reason.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { InferResult, ParameterValue } from '../../../gateway/core/infer-call.js';
import type { Manifest } from '../../../gateway/core/manifest.js';
import type { TensorSpec } from '../../../gateway/core/model.js';
import type { Tensor } from '../../../gateway/core/tensor.js';
import { FakeClock } from '../../support/fake-clock.js';

/** A model whose output Y is its input X, any width, FP32: `{ 'X': [-1,-1] } -> { 'Y': [-1,-1], 'Z': [-1,-1] }`. */
export function manifestOf(
  overrides: Partial<Manifest> & {
    maxBatchSize?: number;
    batchable?: boolean;
    inputs?: readonly TensorSpec[];
    outputs?: readonly TensorSpec[];
  } = {},
): Manifest {
  const { maxBatchSize = 8, batchable = true, inputs, outputs, ...rest } = overrides;
  return {
    model: 'echo',
    version: 1,
    signature: {
      inputs: inputs ?? [{ name: 'X', datatype: 'FP32', shape: [-1, -1] }],
      outputs: outputs ?? [
        { name: 'Y', datatype: 'FP32', shape: [-1, -1] },
        { name: 'Z', datatype: 'FP32', shape: [-1, -1] },
      ],
      batchable,
      maxBatchSize,
    },
    preparedPath: '/nowhere/model.onnx',
    batchCheck: 'verified',
    latency: [],
    sha256: 'same',
    bytes: 1,
    warnings: [],
    ...rest,
  };
}

/** Rows of FP32 values as a tensor; all rows equally long. An unaligned view, as a decoder hands them over. */
export function fp32(
  name: string,
  rows: readonly (readonly number[])[],
  width = rows[0]?.length ?? 1,
): Tensor {
  const bytes = Buffer.from(new Float32Array(rows.flat()).buffer);
  const padded = Buffer.alloc(bytes.length + 1);
  bytes.copy(padded, 1);
  return { name, datatype: 'FP32', shape: [rows.length, width], data: padded.subarray(1) };
}

/** The values of an FP32 tensor. */
export function values(tensor: Tensor | undefined): number[] {
  if (tensor === undefined) throw new Error('no such tensor');
  return [...new Float32Array(new Uint8Array(tensor.data).buffer)];
}

/** A BYTES tensor's data: each element with its length in front. */
export function bytesOf(...elements: readonly string[]): Uint8Array {
  return Buffer.concat(
    elements.flatMap((element) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(Buffer.byteLength(element));
      return [length, Buffer.from(element)];
    }),
  );
}

/** What a worker does to a buffer: takes it away from the gateway for good. */
function transferred(tensor: Tensor): Tensor {
  const data = tensor.data;
  return {
    ...tensor,
    data: structuredClone(new Uint8Array(data.buffer), { transfer: [data.buffer as ArrayBuffer] }),
  };
}

/** A run of the echo model: every wanted output is X, times 2 for Z. */
export function echo(
  command: RunCommand,
  startedAt = 0,
  endedAt = 1,
): Extract<RunOutcome, { kind: 'success' }> {
  const input = transferred(command.inputs[0] as Tensor);
  const outputs = command.outputs.map((name): Tensor => {
    const data = new Uint8Array(
      new Float32Array(values(input).map((x) => (name === 'Z' ? 2 * x : x))).buffer,
    );
    return { ...input, name, data };
  });
  return { kind: 'success', outputs, startedAt, endedAt };
}

export function rejected(message = 'bad row'): Extract<RunOutcome, { kind: 'rejected' }> {
  return {
    kind: 'rejected',
    error: new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' }),
  };
}

/** Lets promise callbacks run. */
export async function flush(): Promise<void> {
  for (let i = 0; i < 4; i++) await undefined;
}

export interface SubmitOptions {
  /** Rows of X. @default one row [0] */
  readonly rows?: readonly (readonly number[])[];
  readonly width?: number;
  readonly inputs?: readonly Tensor[];
  readonly outputs?: readonly string[];
  /** From now; no deadline when absent. */
  readonly inMs?: number;
  readonly manifest?: Manifest;
  readonly id?: string;
  readonly parameters?: Readonly<Record<string, ParameterValue>>;
  readonly caller?: string;
  readonly cancellation?: Cancellation;
}

/** What became of a submitted request; read it after `flush()`. */
export class Pending {
  settlements = 0;
  result: InferResult | undefined;
  error: GatewayError | undefined;
  readonly cancellation: Cancellation;
  readonly promise: Promise<InferResult>;

  constructor(promise: Promise<InferResult>, cancellation: Cancellation) {
    this.promise = promise;
    this.cancellation = cancellation;
    promise.then(
      (result) => {
        this.settlements++;
        this.result = result;
      },
      (error: unknown) => {
        this.settlements++;
        this.error = GatewayError.from(error);
      },
    );
  }

  /** `pending`, `OK` or the error's code. */
  get state(): string {
    if (this.settlements > 1) return 'settled more than once';
    if (this.settlements === 0) return 'pending';
    return this.error?.code ?? 'OK';
  }

  /** Values of the first output. */
  get answer(): number[] {
    return values(this.result?.outputs[0]);
  }
}

/** A batcher with a fake clock and everything that it tells written down. */
export class Rig {
  readonly clock = new FakeClock();
  readonly batcher: Batcher;
  readonly dropped: string[] = [];
  readonly retried: string[] = [];
  readonly badOutputs: string[] = [];
  readonly ran: { key: string; rows: number; computeMs: number }[] = [];
  /** Why each of `ran` was closed. */
  readonly reasons: CloseReason[] = [];
  /** Versions held for runs now. */
  held = 0;
  /** Calls of onWork. */
  signals = 0;

  constructor(options: Partial<BatcherOptions> = {}) {
    this.batcher = new Batcher({
      clock: this.clock,
      recorder: {
        request() {},
        refused() {},
        workerLost() {},
        loaded() {},
        retried: (_model, _version, why) => this.retried.push(why),
        badOutput: (_model, _version, kind) => this.badOutputs.push(kind),
        batch: ({ model, version, rows, computeMs, why }) => {
          this.ran.push({ key: `${model}/${version}`, rows, computeMs });
          this.reasons.push(why);
        },
        dropped: (what) => this.dropped.push(what),
      },
      retain: () => {
        this.held++;
        return () => void this.held--;
      },
      ...options,
    });
    this.batcher.onWork = () => void this.signals++;
  }

  submit(options: SubmitOptions = {}): Pending {
    const cancellation = options.cancellation ?? new Cancellation();
    const now = this.clock.now();
    const promise = this.batcher.submit(
      {
        model: 'echo',
        version: '',
        id: options.id ?? '',
        inputs: options.inputs ?? [fp32('X', options.rows ?? [[0]], options.width)],
        outputs: options.outputs ?? [],
        parameters: new Map(Object.entries(options.parameters ?? {})),
        caller: options.caller ?? '',
        deadline: options.inMs === undefined ? Number.POSITIVE_INFINITY : now + options.inMs,
        cancellation,
        arrivedAt: now,
      },
      { manifest: options.manifest ?? ECHO, release() {} },
    );
    return new Pending(promise, cancellation);
  }

  /** The next batch; throws when there is none. */
  take(): Batch {
    const batch = this.batcher.take();
    if (batch === undefined) throw new Error('nothing to take');
    return batch;
  }

  /** The next batch, and what a worker is to run. */
  run(): { batch: Batch; command: RunCommand } {
    const batch = this.take();
    const command = batch.gather();
    if (command === undefined) throw new Error('nothing to run');
    return { batch, command };
  }

  /** Runs all that waits, as one worker would; returns the rows of each batch. */
  async runAll(answer: (command: RunCommand) => Parameters<Batch['complete']>[0] = echo): Promise<number[]> {
    const sizes: number[] = [];
    for (let batch = this.batcher.take(); batch !== undefined; batch = this.batcher.take()) {
      const command = batch.gather();
      if (command === undefined) continue;
      sizes.push(command.inputs[0]?.shape[0] ?? 0);
      batch.complete(answer(command));
    }
    await flush();
    return sizes;
  }

  /** Everything that must be back to zero when nothing is left. */
  leftovers(): object {
    // An idle wheel lets its timer run out at the next tick.
    const stats = this.batcher.stats();
    this.clock.advance(5);
    assert.deepEqual(this.batcher.stats(), stats);
    return { ...this.batcher.stats(), held: this.held, timers: this.clock.pendingTimers };
  }
}

export const ECHO = manifestOf();

export const NOTHING_LEFT = {
  entries: 0,
  runningEntries: 0,
  queuedRows: 0,
  bytes: 0,
  batches: 0,
  held: 0,
  timers: 0,
};
