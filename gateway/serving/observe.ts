import type { Clock } from '../core/clock.js';
import { GatewayError, quote } from '../core/error.js';
import type { Infer, InferCall, Lease, LeasedInfer } from '../core/infer-call.js';
import type { Logger } from '../core/logger.js';
import { OTHER, type Recorder } from '../core/recorder.js';

export interface ObserverDependencies {
  readonly clock: Clock;
  readonly recorder: Recorder;
  readonly logger: Logger;
  /** Whether this is the name of a model found, working or not. */
  readonly known: (model: string) => boolean;
  /** Told of every call that failed behind `resolve`. @default nobody */
  readonly failed?: (call: InferCall, lease: Lease, error: GatewayError) => void;
}

/**
 * The outermost layer and a twin behind `resolve`: every call is recorded once, with the status that its caller
 * sees and the version that it was for, and whatever was thrown leaves as a GatewayError.
 */
export class Observer {
  readonly #deps: ObserverDependencies;
  /** Which version a failed call was for: only `leased` knows it, only `observe` records it. */
  readonly #versionOf = new WeakMap<GatewayError, number>();

  constructor(dependencies: ObserverDependencies) {
    this.#deps = dependencies;
  }

  /** Wraps everything. */
  observe(next: Infer): Infer {
    const { clock, recorder } = this.#deps;
    return async (call) => {
      try {
        const result = await next(call);
        const totalMs = clock.now() - call.arrivedAt;
        recorder.request(result.model, result.version, 'OK', totalMs, result.timing);
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
    const { clock, recorder, logger, known } = this.#deps;
    const model = known(call.model) ? call.model : OTHER;
    const version = this.#versionOf.get(error) ?? 0;
    const totalMs = clock.now() - call.arrivedAt;
    recorder.request(model, version, error.code, totalMs, undefined);
    const { reason } = error.details;
    if (reason !== undefined) recorder.refused(model, reason);
    const fields = {
      requestId: quote(call.id).slice(1, -1),
      model: quote(call.model).slice(1, -1),
      version,
      code: error.code,
      reason,
      totalMs,
    };
    // What nobody foresaw is our bug, and its cause is told to nobody else; the rest is the callers' business.
    if (reason === 'internal') logger.error({ ...fields, err: error.details.cause ?? error }, error.message);
    else logger.debug(fields, error.message);
    return error;
  }
}
