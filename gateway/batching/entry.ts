import type { CallTrace } from '../core/call-trace.js';
import type { Cancellation } from '../core/cancellation.js';
import type { Clock } from '../core/clock.js';
import type { Deadline, DeadlineHandle, DeadlineWheel } from '../core/deadline.js';
import { GatewayError, quote } from '../core/error.js';
import type { InferCall, InferResult, InferTiming } from '../core/infer-call.js';
import type { Tensor } from '../core/tensor.js';
import type { Place } from './answer-order.js';
import type { Fit } from './fit-request.js';
import type { Lane } from './lane.js';

/** `waiting` (in its queue) -> `running` (in a batch) -> `settled`; or settled from either. */
export type EntryState = 'waiting' | 'running' | 'settled';

/** What an entry needs of the batcher. */
export interface EntryHost {
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  /** Called once per entry, when it settles; `was` is the state that it settled in. */
  entrySettled(entry: Entry, was: 'waiting' | 'running'): void;
  /** It waits, and has waited for as long as its queue's policy lets it. */
  queueTimedOut(entry: Entry): void;
}

/** Where an entry stands, and for how long. */
export interface EntryPlace {
  readonly turn: number;
  readonly sequence: number;
  readonly submittedAt: number;
  readonly level: number;
  readonly deadline: Deadline;
  /** Until when it may wait; Infinity for as long as its deadline allows. */
  readonly queueUntil: number;
}

const NO_INPUTS: readonly Tensor[] = [];

/**
 * One caller's request inside the batcher. It settles exactly once, by whatever comes first of its answer, its
 * failure, its deadline and its caller's leaving; everything that comes later finds it settled and changes nothing.
 */
export class Entry {
  readonly lane: Lane;
  readonly id: string;
  readonly deadline: Deadline;
  /** Outputs wanted, in this order; empty for all in the signature's order. */
  readonly outputs: readonly string[];
  readonly rows: number;
  readonly cost: number;
  readonly bytes: number;
  readonly shape: string;
  readonly sequence: number;
  turn: number;
  readonly submittedAt: number;
  readonly level: number;
  readonly caller: string;
  readonly trace: CallTrace | undefined;
  /** When its rows were last copied for a worker; undefined until then. */
  dispatchedAt: number | undefined;
  /** What the caller awaits. */
  readonly promise: Promise<InferResult>;

  readonly #host: EntryHost;
  readonly #cancellation: Cancellation;
  #inputs: readonly Tensor[];
  #state: EntryState = 'waiting';
  #expiry: DeadlineHandle | undefined;
  #queueExpiry: DeadlineHandle | undefined;
  readonly #place: Place | undefined;
  #resolve!: (result: InferResult) => void;
  #reject!: (error: GatewayError) => void;

  constructor(host: EntryHost, lane: Lane, call: InferCall, fit: Fit, place: EntryPlace) {
    this.lane = lane;
    this.id = call.id;
    this.deadline = place.deadline;
    this.outputs = call.outputs;
    this.rows = fit.rows;
    this.cost = fit.cost;
    this.bytes = fit.bytes;
    this.shape = fit.shape;
    this.turn = place.turn;
    this.sequence = place.sequence;
    this.submittedAt = place.submittedAt;
    this.level = place.level;
    this.caller = call.caller ?? '';
    this.trace = call.trace;
    if (this.trace !== undefined) this.trace.queued = this;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#host = host;
    this.#inputs = fit.inputs;
    this.#cancellation = call.cancellation;
    this.#place = lane.answerOrder?.enter();
    this.#expiry = host.wheel.add(this.deadline, () => this.expire(host.clock.now()));
    if (place.queueUntil < this.deadline)
      this.#queueExpiry = host.wheel.add(place.queueUntil, () => host.queueTimedOut(this));
    call.cancellation.listen(() => this.#cancel());
  }

  get state(): EntryState {
    return this.#state;
  }

  get settled(): boolean {
    return this.#state === 'settled';
  }

  /** Its tensors in the signature's order; none once it has settled, so that their bytes are free. */
  get inputs(): readonly Tensor[] {
    return this.#inputs;
  }

  /** It has left the queue for a batch. */
  start(): void {
    if (this.#state !== 'waiting') throw new Error(`an entry that is ${this.#state} cannot start`);
    this.#state = 'running';
    this.#host.wheel.remove(this.#queueExpiry);
  }

  /** Answers the caller, unless it has settled; where answers keep their order, after those before it. `release`: see InferResult. */
  succeed(outputs: readonly Tensor[], timing: InferTiming, release?: () => void): void {
    if (this.#place === undefined || this.settled) {
      this.#succeed(outputs, timing, release);
      return;
    }
    this.lane.answerOrder?.ready(this.#place, () => {
      // It may have waited for those before it.
      this.expire(this.#host.clock.now());
      this.#succeed(outputs, timing, release);
    });
  }

  #succeed(outputs: readonly Tensor[], timing: InferTiming, release?: () => void): void {
    if (!this.#settle()) {
      release?.();
      return;
    }
    const { model, version } = this.lane.manifest;
    const result = { model, version, id: this.id, outputs, timing };
    this.#resolve(release === undefined ? result : { ...result, release });
  }

  /** Fails the caller's request; false when it had settled before. */
  fail(error: GatewayError): boolean {
    if (!this.#settle()) return false;
    this.#reject(error);
    // After it: those that waited for it are told later than it is.
    if (this.#place !== undefined) this.lane.answerOrder?.leave(this.#place);
    return true;
  }

  /** Fails it with DEADLINE_EXCEEDED if its deadline has passed at `now`. */
  expire(now: number): void {
    if (this.settled || this.deadline > now) return;
    const text = `deadline exceeded: ${this.#describe()} ${this.#whereabouts(now)}`;
    this.fail(new GatewayError('DEADLINE_EXCEEDED', text, { reason: 'deadline_passed' }));
  }

  /** Fails it, in Triton's words, as it has waited for as long as its queue's policy lets it. */
  timedOut(now: number): void {
    const text = `Request timeout expired: ${this.#describe()} waited ${ms(now - this.submittedAt)} ms in the queue`;
    this.fail(this.lane.refuse(new GatewayError('UNAVAILABLE', text, { reason: 'queue_timeout' })));
  }

  #cancel(): void {
    if (this.settled) return;
    const text = `cancelled by its caller: ${this.#describe()} ${this.#whereabouts(this.#host.clock.now())}`;
    this.fail(new GatewayError('CANCELLED', text, { reason: 'cancelled' }));
  }

  #settle(): boolean {
    const was = this.#state;
    if (was === 'settled') return false;
    this.#state = 'settled';
    this.#inputs = NO_INPUTS;
    this.#host.wheel.remove(this.#expiry);
    this.#host.wheel.remove(this.#queueExpiry);
    this.#cancellation.listen(undefined);
    this.#host.entrySettled(this, was);
    return true;
  }

  #describe(): string {
    return `request for model ${quote(this.lane.manifest.model)} version ${this.lane.manifest.version}`;
  }

  #whereabouts(now: number): string {
    if (this.dispatchedAt === undefined) return `waited ${ms(now - this.submittedAt)} ms in the queue`;
    return `waited ${ms(this.dispatchedAt - this.submittedAt)} ms in the queue and ran for ${ms(now - this.dispatchedAt)} ms`;
  }
}

function ms(duration: number): string {
  return duration.toFixed(1);
}
