import type { Clock } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { InferCall, Lease, LeasedInfer } from '../core/infer-call.js';
import { type Rate, TokenBucket } from './token-bucket.js';

export interface QuotaOptions {
  readonly clock: Clock;
  /** Of each caller that has no quota of its own, in rows per second; 0 for none. */
  readonly rowsPerSec: number;
  /** The rows of how many milliseconds a caller may have at once. */
  readonly burstMs: number;
  /** By caller. */
  readonly named: Readonly<Record<string, { readonly rowsPerSec?: number }>>;
  /** Most callers that are told apart beside those that are named. @default 10000 */
  readonly maxCallers?: number;
}

/** Of those remembered, how many are looked at when a stranger comes and there is no room. */
const LOOKS = 16;

/**
 * The layer that holds each caller to its quota of rows. A refusal is RESOURCE_EXHAUSTED with the time at which there will be
 * enough; it costs the caller nothing, nor does a request that the server itself turns away.
 */
export class Quotas {
  readonly #clock: Clock;
  readonly #burstMs: number;
  readonly #default: Rate | undefined;
  /** Never forgotten; undefined for those without a quota. */
  readonly #named = new Map<string, TokenBucket | undefined>();
  /** Oldest look first. Clients make up the names: bounded. */
  readonly #others = new Map<string, TokenBucket>();
  readonly #maxCallers: number;
  /** Of all for whom there is no room. */
  #strangers: TokenBucket | undefined;

  constructor(options: QuotaOptions) {
    const { clock, rowsPerSec, burstMs, named, maxCallers = 10_000 } = options;
    this.#clock = clock;
    this.#burstMs = burstMs;
    this.#default = this.#rate(rowsPerSec);
    this.#maxCallers = maxCallers;
    for (const [caller, own] of Object.entries(named)) {
      const rate = own.rowsPerSec === undefined ? this.#default : this.#rate(own.rowsPerSec);
      this.#named.set(caller, rate && new TokenBucket(rate, clock.now()));
    }
  }

  /** Wraps what is behind it; where nobody has a quota there is nothing to wrap. */
  limit(next: LeasedInfer): LeasedInfer {
    const anyNamed = [...this.#named.values()].some((bucket) => bucket !== undefined);
    if (this.#default === undefined && !anyNamed) return next;
    return (call, lease) => {
      const { caller = '' } = call;
      const now = this.#clock.now();
      const bucket = this.#bucketOf(caller, now);
      if (bucket === undefined) return next(call, lease);
      const rows = rowsOf(call, lease);
      if (rows > bucket.rate.burst) return Promise.reject(neverFits(caller, rows, bucket.rate));
      const waitMs = bucket.take(rows, now);
      if (waitMs > 0) return Promise.reject(spent(caller, rows, bucket.rate, waitMs));
      return next(call, lease).catch((thrown: unknown) => {
        // The server could not, so the caller had nothing of it: a retry is not to be charged twice.
        if (thrown instanceof GatewayError && thrown.code === 'UNAVAILABLE')
          bucket.giveBack(rows, this.#clock.now());
        throw thrown;
      });
    };
  }

  #rate(rowsPerSec: number): Rate | undefined {
    if (rowsPerSec === 0) return undefined;
    return { perSec: rowsPerSec, burst: Math.max(1, (rowsPerSec * this.#burstMs) / 1000) };
  }

  #bucketOf(caller: string, now: number): TokenBucket | undefined {
    if (this.#named.has(caller)) return this.#named.get(caller);
    if (this.#default === undefined) return undefined;
    const known = this.#others.get(caller);
    if (known !== undefined) return known;
    if (this.#others.size >= this.#maxCallers) this.#forgetSome(now);
    const bucket = new TokenBucket(this.#default, now);
    if (this.#others.size < this.#maxCallers) {
      this.#others.set(caller, bucket);
      return bucket;
    }
    this.#strangers ??= bucket;
    return this.#strangers;
  }

  /** A full bucket is as good as a new one. A few looks a stranger, so that many strangers cost no more than a few looks each. */
  #forgetSome(now: number): void {
    let looks = 0;
    for (const [caller, bucket] of this.#others) {
      if (++looks > LOOKS) return;
      this.#others.delete(caller);
      if (!bucket.isFull(now)) this.#others.set(caller, bucket);
    }
  }
}

/** The validate layer has seen to it that there are some, as many in every input. */
function rowsOf(call: InferCall, { manifest }: Lease): number {
  return manifest.signature.batchable ? (call.inputs[0]?.shape[0] ?? 1) : 1;
}

function spent(caller: string, rows: number, { perSec }: Rate, waitMs: number): GatewayError {
  const retryAfterMs = Math.ceil(waitMs);
  const message = `caller ${quote(caller)} has spent its quota of ${perSec} rows/s: there is room for ${rows} more in ${retryAfterMs} ms`;
  return new GatewayError('RESOURCE_EXHAUSTED', message, { reason: 'quota', retryAfterMs });
}

/** Not RESOURCE_EXHAUSTED, which says that it may work later: it never will. */
function neverFits(caller: string, rows: number, { perSec, burst }: Rate): GatewayError {
  const message = `the request has ${rows} rows, but caller ${quote(caller)} may have at most ${Math.floor(burst)} at once by its quota of ${perSec} rows/s`;
  return new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request' });
}
