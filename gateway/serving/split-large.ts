import { Cancellation } from '../core/cancellation.js';
import { GatewayError } from '../core/error.js';
import type { InferCall, InferResult, Lease, LeasedInfer } from '../core/infer-call.js';
import { cutRows, joinRows } from './cut-rows.js';

/** Pieces of one call that wait or run at once: enough to keep workers busy, few enough to leave others their turn. */
const MOST_AT_ONCE = 4;

/**
 * The layer that runs a call of more rows than its model takes at once in pieces, all on the version that was leased, and puts their
 * answers together. Only for calls that say `splits`: in other protocols such a call is refused, and clients know it. The first piece that
 * fails fails the call, and the others are cancelled.
 */
export function splitLarge(next: LeasedInfer): LeasedInfer {
  return (call, lease) => {
    const { batchable, maxBatchSize } = lease.manifest.signature;
    const rows = call.inputs[0]?.shape[0] ?? 0;
    if (call.splits !== true || !batchable || rows <= maxBatchSize) return next(call, lease);
    const pieces = cutRows(call.inputs, maxBatchSize);
    if (pieces === undefined) return next(call, lease);
    return new Pieces(call, lease, next).run(pieces);
  };
}

class Pieces {
  readonly #call: InferCall;
  readonly #lease: Lease;
  readonly #next: LeasedInfer;
  /** Of the pieces: the call's own has room for one listener. */
  readonly #cancellations: Cancellation[] = [];
  #begun = 0;

  constructor(call: InferCall, lease: Lease, next: LeasedInfer) {
    this.#call = call;
    this.#lease = lease;
    this.#next = next;
  }

  async run(pieces: readonly InferCall['inputs'][]): Promise<InferResult> {
    const results: InferResult[] = [];
    const { cancellation } = this.#call;
    cancellation.listen(() => this.#cancel());
    try {
      await Promise.all(Array.from({ length: MOST_AT_ONCE }, () => this.#lane(pieces, results)));
    } catch (error) {
      this.#cancel();
      throw error;
    } finally {
      cancellation.listen(undefined);
    }
    // The client may have left between two pieces, where nothing was under way that would have said so.
    if (cancellation.cancelled)
      throw new GatewayError('CANCELLED', 'the request was cancelled by its caller', { reason: 'cancelled' });
    return this.#joined(results);
  }

  /** Runs one piece after the other, until none is left. */
  async #lane(pieces: readonly InferCall['inputs'][], results: InferResult[]): Promise<void> {
    while (this.#begun < pieces.length) {
      const index = this.#begun++;
      results[index] = await this.#one(pieces[index] as InferCall['inputs'], index, pieces.length);
    }
  }

  #one(inputs: InferCall['inputs'], index: number, count: number): Promise<InferResult> {
    const { messageBytes, trace } = this.#call;
    const cancellation = new Cancellation();
    this.#cancellations.push(cancellation);
    if (this.#call.cancellation.cancelled) cancellation.cancel();
    return this.#next(
      {
        ...this.#call,
        inputs,
        cancellation,
        // The message is held once; the call is traced as its first piece.
        messageBytes: messageBytes === undefined ? undefined : Math.ceil(messageBytes / count),
        trace: index === 0 ? trace : undefined,
      },
      this.#lease,
    );
  }

  #cancel(): void {
    this.#begun = Number.POSITIVE_INFINITY;
    for (const cancellation of this.#cancellations) cancellation.cancel();
  }

  #joined(results: readonly InferResult[]): InferResult {
    const outputs = joinRows(results.map((result) => result.outputs));
    for (const { release } of results) release?.();
    const [first] = results;
    if (outputs === undefined || first === undefined) {
      const { model, signature } = this.#lease.manifest;
      const message = `the answers to parts of the request have different shapes: send at most ${signature.maxBatchSize} rows at once to model '${model}'`;
      throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'inputs' });
    }
    const sum = (of: 'computeMs' | 'rows'): number =>
      results.reduce((total, { timing }) => total + (timing[of] ?? 1), 0);
    const { release: _released, ...answer } = first;
    return {
      ...answer,
      outputs,
      timing: { ...first.timing, computeMs: sum('computeMs'), rows: sum('rows') },
    };
  }
}
