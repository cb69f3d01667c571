import type { FromWorker, WireTensor } from '../../worker/protocol.js';
import type { RunOutcome } from '../core/channel.js';
import { isDatatype } from '../core/datatype.js';
import { GatewayError } from '../core/error.js';
import type { Recorder } from '../core/recorder.js';
import type { Tensor } from '../core/tensor.js';

type Answer = Exclude<FromWorker, { kind: 'ready' | 'started' }>;

type Pending =
  | {
      readonly kind: 'run';
      readonly outputs: readonly string[] | undefined;
      readonly done: (outcome: RunOutcome) => void;
    }
  | {
      readonly kind: 'request';
      readonly resolve: () => void;
      readonly reject: (error: GatewayError) => void;
    };

const CORRUPT = 'the worker’s answer is corrupt';

/**
 * What a channel has asked of its worker and not heard of yet, by id. Each is settled once, by its answer or by the
 * worker's end; an answer without a taker is counted and dropped. Bounded by what the pool sends: a few per slot.
 */
export class PendingCalls {
  readonly #recorder: Pick<Recorder, 'dropped'>;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #failed = false;

  constructor(recorder: Pick<Recorder, 'dropped'>) {
    this.#recorder = recorder;
  }

  /** @param outputs what the answer must have, no more and no less; undefined: not known */
  addRun(done: (outcome: RunOutcome) => void, outputs?: readonly string[]): number {
    return this.#add({ kind: 'run', outputs, done });
  }

  addRequest(resolve: () => void, reject: (error: GatewayError) => void): number {
    return this.#add({ kind: 'request', resolve, reject });
  }

  #add(call: Pending): number {
    const id = this.#nextId;
    // The status block carries ids in 31 bits; a reuse after two thousand million messages meets nobody.
    this.#nextId = id === 2 ** 31 - 1 ? 1 : id + 1;
    this.#pending.set(id, call);
    return id;
  }

  /** Whether something of this id is unanswered. */
  has(id: number): boolean {
    return this.#pending.has(id);
  }

  /** Hands an answer to its taker. One that fits none is counted and dropped. False: it is corrupt, as its worker may be. */
  answer(message: Answer): boolean {
    const call = this.#pending.get(message?.id);
    if (call === undefined) {
      const known = message?.id < this.#nextId && !this.#failed;
      this.#recorder.dropped(known ? 'double_answer' : 'late_answer');
      return true;
    }
    const outcome = outcomeOf(message, call.kind === 'run' ? call.outputs : undefined);
    if (call.kind === 'run' && outcome !== undefined) this.settleRun(message.id, outcome);
    else if (call.kind === 'request' && message.kind === 'done') this.#take(message.id, call.resolve);
    else if (call.kind === 'request' && message.kind === 'rejected')
      this.#take(message.id, () => call.reject(rejection(message)));
    else {
      if (call.kind === 'run') this.settleRun(message.id, { kind: 'fault', started: true, reason: CORRUPT });
      else this.#take(message.id, () => call.reject(workerLost(CORRUPT)));
      return false;
    }
    return true;
  }

  settleRun(id: number, outcome: RunOutcome): void {
    const call = this.#pending.get(id);
    if (call?.kind === 'run') this.#take(id, () => call.done(outcome));
  }

  /** The worker is gone or given up: everything left is a fault. Only the one that it was in had started, and may be to blame. */
  failAll(reason: string, runningId: number | undefined): void {
    this.#failed = true;
    for (const [id, call] of [...this.#pending])
      if (call.kind === 'run') this.settleRun(id, { kind: 'fault', started: id === runningId, reason });
      else this.#take(id, () => call.reject(workerLost(`the worker ended: ${reason}`, id === runningId)));
  }

  #take(id: number, settle: () => void): void {
    this.#pending.delete(id);
    settle();
  }
}

function outcomeOf(message: Answer, wanted: readonly string[] | undefined): RunOutcome | undefined {
  if (message.kind === 'rejected') return { kind: 'rejected', error: rejection(message) };
  if (message.kind !== 'result' || !Array.isArray(message.outputs)) return undefined;
  if (!message.outputs.every(isTensor)) return undefined;
  const { outputs, startedAt, endedAt } = message;
  if (wanted !== undefined && !areThese(outputs, wanted)) return undefined;
  return { kind: 'success', outputs, startedAt, endedAt };
}

function areThese(outputs: readonly Tensor[], wanted: readonly string[]): boolean {
  return outputs.length === wanted.length && outputs.every(({ name }, i) => name === wanted[i]);
}

function isTensor(tensor: WireTensor): tensor is WireTensor & Tensor {
  return isDatatype(tensor.datatype) && tensor.data instanceof Uint8Array && Array.isArray(tensor.shape);
}

function rejection(message: Extract<Answer, { kind: 'rejected' }>): GatewayError {
  const reason = message.code === 'INVALID_ARGUMENT' ? 'bad_request' : 'model_error';
  return new GatewayError(message.code, message.message, { reason });
}

/** `started`: it was in the midst of what was asked. */
function workerLost(message: string, started = true): GatewayError {
  return new GatewayError('UNAVAILABLE', message, { reason: started ? 'worker_fault' : 'no_worker' });
}
