import type { BatchTrace } from './batch-trace.js';
import type { GatewayError } from './error.js';
import type { ModelVersion } from './model.js';
import type { SpanIdentity } from './span-identity.js';

/** A call as it came in. */
export interface TracedCall {
  readonly protocol: 'grpc' | 'http';
  /** `package.Service/Method`, or an HTTP method and route (`POST /v2/models/:model/infer`); `''` where the server has no such thing. */
  readonly method: string;
  /** What the client asked for; looked at only where `method` is `''`. */
  readonly original: string;
  /** Names of headers, in lower case, and values in turn. */
  readonly fields: readonly string[];
  readonly peer: string;
  /** On the Clock's scale. */
  readonly startedAt: number;
  /** It is meant to last, as a stream is: to be long is not to be slow. */
  readonly lasting: boolean;
  /** Its client wants to be told its timeline. */
  readonly debug: boolean;
}

/** A request in its queue, as its trace sees it. */
export interface QueuedRequest {
  readonly lane: { readonly manifest: ModelVersion };
  readonly rows: number;
  readonly submittedAt: number;
}

/** Told of calls that are over; telemetry/ makes spans of them. */
export interface TraceSink {
  /** Called once for each. Never throws. */
  ended(trace: CallTrace): void;
  /** Where its span belongs; asked for once. */
  identify(trace: CallTrace): SpanIdentity;
}

/** Where the listeners note that a call has begun. */
export interface CallTracer {
  /** Whether calls are noted at all: where it is false only those are that ask for their timeline. */
  readonly active: boolean;
  /** Whether clients may ask for their timeline. */
  readonly debug: boolean;
  begin(call: TracedCall): CallTrace;
}

/**
 * What became of one call, or of one request of a stream: instants and facts only, since it is made for every call. Spans are
 * made of it when it is over, if they are wanted. 0 stands for an instant that has not come. All are on the Clock's scale.
 */
export class CallTrace {
  readonly call: TracedCall;
  /** The stream that it is a request of. */
  readonly stream: CallTrace | undefined;
  readonly startedAt: number;
  /** As the client wrote it. */
  model = '';
  requestId = '';
  /** Set when it is put in its queue. */
  queued: QueuedRequest | undefined;
  endedAt = 0;
  error: GatewayError | undefined;
  httpStatus = 0;
  /** The last batch that it was in. */
  batch: BatchTrace | undefined;
  /** Made when first asked for. */
  identity: SpanIdentity | undefined;
  /** As it was counted: under which labels, with which times, which are -1 where they were not. */
  countedModel = '';
  countedVersion = 0;
  totalMs = -1;
  queueMs = -1;
  /** Whether its spans are wanted; undefined while nobody has asked. */
  sampled: boolean | undefined;
  /** Its spans are wanted, sampled or not. */
  kept = false;
  readonly #sink: TraceSink;

  constructor(sink: TraceSink, call: TracedCall, startedAt = call.startedAt, stream?: CallTrace) {
    this.#sink = sink;
    this.call = call;
    this.startedAt = startedAt;
    this.stream = stream;
  }

  /** When it was put in its queue. */
  get queuedAt(): number {
    return this.queued?.submittedAt ?? 0;
  }

  /** When its rows were first sent to a worker. */
  get sentAt(): number {
    const at = this.batch?.firstSentAt ?? 0;
    // It had left before the others were sent.
    return this.endedAt !== 0 && at > this.endedAt ? 0 : at;
  }

  /** A request within it, where it is a stream. */
  request(startedAt: number): CallTrace {
    return new CallTrace(this.#sink, this.call, startedAt, this);
  }

  /** The metrics have counted it so. */
  counted(model: string, version: number, totalMs: number, queueMs = -1): void {
    this.countedModel = model;
    this.countedVersion = version;
    this.totalMs = totalMs;
    this.queueMs = queueMs;
  }

  /** It is over: well, or with an error. What comes later changes nothing. */
  end(at: number, error?: GatewayError, httpStatus = 0): void {
    if (this.endedAt !== 0) return;
    this.endedAt = at;
    this.error = error;
    this.httpStatus = httpStatus;
    this.#sink.ended(this);
  }

  /** The trace that it belongs to, and its span there, whether the span is wanted or not. */
  identify(): SpanIdentity {
    this.identity ??= this.#sink.identify(this);
    return this.identity;
  }
}
