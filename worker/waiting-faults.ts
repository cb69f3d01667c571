import { isMainThread, threadId } from 'node:worker_threads';
import { GatewayError } from '../gateway/core/error.js';
import { ENDLESS_MODEL, ENDLESS_OUTPUT } from './endless-model.js';
import { OnnxSession } from './onnx-runtime.js';
import { seededRandom } from './sample-inputs.js';

/** What a waiting model can be told to do. */
export const FAULT_KINDS = [
  /** An uncaught exception: the thread ends. */
  'throw',
  /** The run is refused, as a model refuses its input. */
  'reject',
  /** The worker leaves by itself. */
  'exit',
  /** Takes JavaScript heap until there is no more. */
  'allocate',
  /** Never comes back from JavaScript; takes no CPU. */
  'hang',
  /** Never comes back from native code, an endless model in the ONNX runtime; takes a core. */
  'hang-native',
  /** The process is aborted: a thread takes the server with it. */
  'abort',
  /** The process is killed: a thread takes the server with it. */
  'kill',
] as const;

export type FaultKind = (typeof FAULT_KINDS)[number];

/** When a fault can happen: half-way of a run, at the end of a load, or while what was loaded gets warm. */
export const FAULT_MOMENTS = ['run', 'load', 'warm-up'] as const;

export type FaultMoment = (typeof FAULT_MOMENTS)[number];

/** A fault that happens by chance. */
export interface FaultPlan {
  readonly kind: FaultKind;
  /** Of each run, load or warm-up. */
  readonly probability: number;
  readonly when: FaultMoment;
}

/** -1001 is the first of `FAULT_KINDS`, -1002 the second, … */
const FIRST_COMMAND = -1001;

/** The value that, as the first element of a row of the first input (FP32), makes the run of its batch fail so. */
export function commandOf(kind: FaultKind): number {
  return FIRST_COMMAND - FAULT_KINDS.indexOf(kind);
}

/** The fault that a value commands; undefined for all other values. */
export function commandedBy(value: number): FaultKind | undefined {
  return FAULT_KINDS[FIRST_COMMAND - value];
}

/**
 * Draws the faults of one worker: the same seed draws the same faults in the same thread, but others in another one,
 * or what killed one worker would kill the next at the same place.
 */
export class FaultDice {
  readonly #plans: readonly FaultPlan[];
  readonly #random: () => number;

  constructor(plans: readonly FaultPlan[], seed: number, salt: number = threadId) {
    this.#plans = plans;
    this.#random = seededRandom(seed + Math.imul(salt, 0x9e3779b1));
  }

  /** The fault of this moment, if any: of several plans that hit, the first. */
  draw(when: FaultMoment): FaultKind | undefined {
    let drawn: FaultKind | undefined;
    for (const plan of this.#plans) {
      if (plan.when === when && this.#random() < plan.probability) drawn ??= plan.kind;
    }
    return drawn;
  }
}

/** Lets the fault happen. Rejects for `reject`; for every other one it never settles. */
export async function commit(kind: FaultKind): Promise<never> {
  switch (kind) {
    case 'reject':
      throw new GatewayError('INTERNAL', 'the model failed: it was told to refuse this input', {
        reason: 'model_error',
      });
    case 'throw':
      setImmediate(() => {
        throw new Error('the waiting runtime was told to throw');
      });
      return new Promise(() => {});
    case 'exit':
      return process.exit(3);
    case 'allocate':
      return allocate();
    case 'hang':
      return sleepForever();
    case 'hang-native':
      await (await OnnxSession.create(ENDLESS_MODEL, { intraOpThreads: 1 })).run([], [ENDLESS_OUTPUT]);
      return sleepForever();
    case 'abort':
      // Not to be had in a thread, where the signal that it would raise does the same.
      if (isMainThread) process.abort();
      process.kill(process.pid, 'SIGABRT');
      return sleepForever();
    case 'kill':
      process.kill(process.pid, 'SIGKILL');
      return sleepForever();
  }
}

/** Blocks the thread for this long without any CPU. */
export function sleep(ms: number): void {
  if (ms > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function sleepForever(): never {
  for (;;) sleep(Number.POSITIVE_INFINITY);
}

function allocate(): never {
  const kept: number[][] = [];
  for (;;) kept.push(new Array<number>(65_536).fill(kept.length));
}
