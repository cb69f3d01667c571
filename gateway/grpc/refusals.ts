import type { CallTracer } from '../core/call-trace.js';
import type { Clock } from '../core/clock.js';
import { GatewayError } from '../core/error.js';
import type { RequestLine } from '../http2/header-fields.js';
import type { HeaderList } from '../http2/hpack-decoder.js';
import type { HeadFault } from './request-head.js';

/** A call as its headers tell it. */
export interface SeenCall {
  readonly request: RequestLine;
  readonly list: HeaderList;
  readonly peer: string;
  /** Whether the server has its method. */
  readonly known: boolean;
}

/** Notes the calls that are refused before anything of them but their headers is looked at: they are calls, too. */
export class Refusals {
  readonly #tracer: CallTracer;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(tracer: CallTracer, clock: Pick<Clock, 'now'>) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  note({ request, list, peer, known }: SeenCall, error: GatewayError, httpStatus = 0): void {
    if (!this.#tracer.active) return;
    const startedAt = this.#clock.now();
    const { path } = request;
    const method = known ? path.slice(1) : '';
    const trace = this.#tracer.begin({
      protocol: 'grpc',
      method,
      original: path,
      fields: list.fields,
      peer,
      startedAt,
      lasting: false,
      debug: false,
    });
    trace.end(startedAt, error, httpStatus);
  }

  /** What was answered in HTTP's terms has no status of gRPC's. */
  noteTransport(call: SeenCall, fault: Extract<HeadFault, { kind: 'http' | 'reset' }>): void {
    if (!this.#tracer.active) return;
    const details = { reason: 'bad_request' } as const;
    if (fault.kind === 'http')
      this.note(
        call,
        new GatewayError('INVALID_ARGUMENT', `no gRPC: HTTP ${fault.status}`, details),
        fault.status,
      );
    else this.note(call, new GatewayError('INTERNAL', 'no gRPC: without te: trailers', details));
  }
}
