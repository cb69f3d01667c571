import { GatewayError } from '../core/error.js';
import type { InferResult, LeasedInfer } from '../core/infer-call.js';

export interface AdmissionOptions {
  /**
   * Most calls in flight; one more is refused at once.
   * @default 10000
   */
  readonly maxCallsInFlight?: number;
  /**
   * When a refused caller is told to come back, in milliseconds.
   * @default 100
   */
  readonly retryAfterMs?: number;
}

/** The layer that bounds the calls in flight, and that refuses new ones once the server drains. */
export class Admission {
  readonly #maxCallsInFlight: number;
  readonly #retryAfterMs: number;
  #inFlight = 0;
  #draining = false;
  readonly #idleWaiters: (() => void)[] = [];

  constructor(options: AdmissionOptions = {}) {
    this.#maxCallsInFlight = options.maxCallsInFlight ?? 10_000;
    this.#retryAfterMs = options.retryAfterMs ?? 100;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Wraps what is behind it. Refusals are UNAVAILABLE with the time after which to try again. */
  admit(next: LeasedInfer): LeasedInfer {
    return (call, lease) => {
      let pending: Promise<InferResult>;
      try {
        this.#check();
        pending = next(call, lease);
      } catch (thrown) {
        // Refused, or thrown where a rejection was due: not counted, so that it cannot stay counted.
        return Promise.reject(thrown);
      }
      this.#inFlight++;
      return pending.then(this.#answered, this.#failed);
    };
  }

  // Made once, not for every call.
  readonly #answered = <T>(result: T): T => {
    this.#left();
    return result;
  };

  readonly #failed = (error: unknown): never => {
    this.#left();
    throw error;
  };

  #left(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) for (const wake of this.#idleWaiters.splice(0)) wake();
  }

  /** Refuses calls from now on; resolves when those in flight have ended. The caller bounds the wait. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  #check(): void {
    const retryAfterMs = this.#retryAfterMs;
    if (this.#draining) {
      const message =
        'the server is draining and takes no new calls: call another replica, or try again later';
      throw new GatewayError('UNAVAILABLE', message, { reason: 'draining', retryAfterMs });
    }
    if (this.#inFlight >= this.#maxCallsInFlight) {
      const message = `too many calls in flight: at most ${this.#maxCallsInFlight} are taken`;
      throw new GatewayError('UNAVAILABLE', message, { reason: 'queue_full', retryAfterMs });
    }
  }
}
