import { createHash } from 'node:crypto';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { InferCall, Lease, LeasedInfer } from '../core/infer-call.js';
import { versionKey } from '../core/model.js';

export interface InputQuarantineOptions {
  readonly clock: Clock;
  /** For how long an input is refused. @default 600_000 */
  readonly forMs?: number;
  /** Most inputs that are remembered; the oldest goes first. @default 1000 */
  readonly maxInputs?: number;
}

/**
 * The layer that remembers what has ended workers: an input that failed with reason `poison` is refused for a while without a run, for
 * the same model version. While nothing is remembered it costs nothing.
 */
export class InputQuarantine {
  readonly #clock: Clock;
  readonly #forMs: number;
  readonly #maxInputs: number;
  /** Until when, by digest. Oldest first: all last equally long. */
  readonly #until = new Map<string, number>();
  /** How many of those remembered have this size: nearly every request is cleared by it, and need not be digested. */
  readonly #sizes = new Map<string, number>();

  constructor({ clock, forMs = 600_000, maxInputs = 1000 }: InputQuarantineOptions) {
    this.#clock = clock;
    this.#forMs = forMs;
    this.#maxInputs = maxInputs;
  }

  /** Inputs that are remembered. */
  get size(): number {
    return this.#until.size;
  }

  /** Wraps what is behind it. A refusal is INTERNAL, reason `poison`. */
  guard(next: LeasedInfer): LeasedInfer {
    return (call, lease) => {
      const size = this.#until.size > 0 ? sizeOf(call, lease) : '';
      if (size !== '' && this.#sizes.has(size) && this.#holds(digestOf(size, call)))
        return Promise.reject(refusal());
      return next(call, lease);
    };
  }

  /** To be told of every call that failed. */
  readonly learn = (call: InferCall, lease: Lease, error: GatewayError): void => {
    if (error.details.reason === 'poison') this.#add(call, lease);
  };

  #holds(digest: string): boolean {
    this.#forget(this.#clock.now());
    return this.#until.has(digest);
  }

  #add(call: InferCall, lease: Lease): void {
    const size = sizeOf(call, lease);
    const digest = digestOf(size, call);
    const now = this.#clock.now();
    this.#drop(digest);
    this.#until.set(digest, now + this.#forMs);
    this.#sizes.set(size, (this.#sizes.get(size) ?? 0) + 1);
    this.#forget(now);
  }

  #forget(now: number): void {
    for (const [digest, until] of this.#until) {
      if (until > now && this.#until.size <= this.#maxInputs) return;
      this.#drop(digest);
    }
  }

  #drop(digest: string): void {
    if (!this.#until.delete(digest)) return;
    const size = digest.slice(0, digest.lastIndexOf(' '));
    const left = (this.#sizes.get(size) ?? 0) - 1;
    if (left > 0) this.#sizes.set(size, left);
    else this.#sizes.delete(size);
  }
}

function sizeOf({ inputs }: InferCall, { manifest }: Lease): string {
  let size = versionKey(manifest);
  for (const { data } of inputs) size += ` ${data.byteLength}`;
  return size;
}

function digestOf(size: string, { inputs }: InferCall): string {
  const hash = createHash('sha256');
  for (const { name, datatype, shape, data } of inputs)
    hash.update(JSON.stringify([name, datatype, shape])).update(data);
  return `${size} ${hash.digest('base64url')}`;
}

function refusal(): GatewayError {
  const message =
    'the request is not run: the same input has ended the workers that ran it, and is refused for a while';
  return new GatewayError('INTERNAL', message, { reason: 'poison' });
}
