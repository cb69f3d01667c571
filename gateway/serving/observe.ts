import { type CallNotes, fateOf } from '../core/call-record.js';
import type { Clock } from '../core/clock.js';
import { GatewayError, KEPT_BACK, quote } from '../core/error.js';
import type { Infer, InferCall, InferResult, Lease, LeasedInfer } from '../core/infer-call.js';
import type { Logger } from '../core/logger.js';
import { OTHER, type Recorder } from '../core/recorder.js';
import { CallerNames } from './counted-as.js';

export interface ObserverDependencies {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly logger: Logger;
  /** Whether this is the name of a model found, working or not. */
  readonly known: (model: string) => boolean;
  /** Told of every call that failed behind `resolve`. @default nobody */
  readonly failed?: (call: InferCall, lease: Lease, error: GatewayError) => void;
  /** Where calls that failed, were refused or took `slowMs` or longer are noted. */
  readonly notes: CallNotes;
  readonly slowMs: number;
  /** Whether what may quote the data of this call's inputs is to be kept from logs and traces. @default no call's */
  readonly secret?: ((call: InferCall) => boolean) | undefined;
}

/**
 * The outermost layer and a twin behind `resolve`: every call is recorded once, with the status that its caller
 * sees and the version that it was for, and whatever was thrown leaves as a GatewayError.
 */
export class Observer {
  readonly #deps: ObserverDependencies;
  /** Which version a failed call was for: only `leased` knows it, only `observe` records it. */
  readonly #versionOf = new WeakMap<GatewayError, number>();

  readonly #names = new CallerNames();

  constructor(dependencies: ObserverDependencies) {
    this.#deps = dependencies;
  }

  /** Wraps everything. */
  observe(next: Infer): Infer {
    const { clock, recorder, slowMs } = this.#deps;
    return async (call) => {
      try {
        const result = await next(call);
        const now = clock.now();
        const totalMs = now - call.arrivedAt;
        const { model, version, timing } = result;
        recorder.request(model, version, 'OK', totalMs, timing, call.messageBytes);
        call.trace?.counted(model, version, totalMs, timing.queueMs);
        this.#used(call, now, timing.rows ?? 1, false);
        if (totalMs >= slowMs) this.#noteSlow(call, result, now);
        return result;
      } catch (thrown) {
        throw this.#failed(call, GatewayError.from(thrown));
      }
    };
  }

  /** Wraps what is behind `resolve`. */
  leased(next: LeasedInfer): LeasedInfer {
    return (call, lease) =>
      next(call, lease).catch((thrown: unknown) => {
        const error = GatewayError.from(thrown);
        this.#versionOf.set(error, lease.manifest.version);
        this.#deps.failed?.(call, lease, error);
        throw error;
      });
  }

  #failed(call: InferCall, error: GatewayError): GatewayError {
    const { clock, recorder, logger, known, notes, secret } = this.#deps;
    const model = known(call.model) ? call.model : OTHER;
    const version = this.#versionOf.get(error) ?? 0;
    const now = clock.now();
    const totalMs = now - call.arrivedAt;
    recorder.request(model, version, error.code, totalMs, undefined, call.messageBytes);
    call.trace?.counted(model, version, totalMs);
    const { reason } = error.details;
    this.#used(call, now, 0, fateOf(reason) === 'refused');
    if (reason !== undefined) recorder.refused(model, version, reason);
    if (mayQuote(error) && secret?.(call)) error.details.secret = true;
    // Who has gone away by himself asks nobody why.
    if (error.code !== 'CANCELLED')
      notes.note({
        fate: fateOf(reason),
        requestId: call.id,
        traceId: call.trace?.identify().traceId ?? '',
        ...{ model: call.model, version, code: error.code, reason },
        message: error.details.secret ? KEPT_BACK : error.message,
        ...{ endedAt: now, totalMs },
      });
    // What nobody foresaw is our bug, and its cause is told to nobody else.
    if (reason === 'internal')
      logger.error(
        {
          requestId: quote(call.id).slice(1, -1),
          model: quote(call.model).slice(1, -1),
          ...{ version, code: error.code, reason, totalMs },
          err: error.details.cause ?? error,
        },
        error.message,
      );
    return error;
  }

  #used(call: InferCall, endedAt: number, rows: number, refused: boolean): void {
    const caller = this.#names.of(call);
    if (caller !== '')
      this.#deps.notes.used({ caller, rows, bytes: call.messageBytes ?? 0, refused, endedAt });
  }

  #noteSlow(call: InferCall, { model, version, timing }: InferResult, endedAt: number): void {
    const { queueMs, computeMs, batchRows } = timing;
    this.#deps.notes.note({
      fate: 'slow',
      requestId: call.id,
      traceId: call.trace?.identify().traceId ?? '',
      ...{ model, version, code: 'OK', reason: undefined, message: '' },
      ...{ endedAt, totalMs: endedAt - call.arrivedAt, queueMs, computeMs, batchRows },
    });
  }
}

/** Messages that may hold what the client or the runtime wrote; all others are ours alone. */
function mayQuote({ details: { reason } }: GatewayError): boolean {
  return reason === 'bad_request' || reason === 'model_error' || reason === 'poison';
}
