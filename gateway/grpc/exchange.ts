import type { CallTrace, CallTracer, TracedCall } from '../core/call-trace.js';
import { Cancellation } from '../core/cancellation.js';
import type { Deadline, DeadlineHandle } from '../core/deadline.js';
import { GatewayError, quote, type Reason } from '../core/error.js';
import { timelineOf } from '../core/timeline.js';
import type { RpcContext, RpcHeaders } from '../core/transport.js';
import { H2_ERROR } from '../http2/frames.js';
import type { HeaderList } from '../http2/hpack-decoder.js';
import type { Http2Stream, StreamUser } from '../http2/stream.js';
import { errorTrailers, TIMELINE, TRAILERS_OK, trailersWith } from './answer-blocks.js';
import { type CallHost, DEADLINE_GRACE_MS, deadlineError, handlerError } from './call-host.js';
import { MessageReader, type ReceiveLimits } from './message-reader.js';
import type { RequestHead } from './request-head.js';
import { toCallEnd } from './status.js';
import type { Unpacker } from './unpack.js';

/** What the HTTP/2 transport lends to its calls. */
export interface ExchangeHost extends CallHost {
  readonly limits: ReceiveLimits;
  readonly unpacker: Unpacker;
  /** Told of every call. */
  readonly tracer: CallTracer | undefined;
  /** Told why a unary call's handler has failed, while its client waits. */
  failed(reason: Reason | undefined): void;
  /** Told when a call has ended, however it did. */
  ended(exchange: Exchange): void;
}

/** What is known of a call when it begins. */
export interface ExchangeCall {
  readonly path: string;
  readonly peer: string;
  readonly list: HeaderList;
  readonly head: RequestHead;
  /** Longest time that it may take. */
  readonly maxMs: number;
  /** See TracedCall. */
  readonly lasting: boolean;
}

/** One call on an HTTP/2 stream, whatever its kind: its context, its deadline, its messages, and that it ends once. */
export abstract class Exchange implements StreamUser, RpcContext, RpcHeaders, TracedCall {
  readonly path: string;
  readonly peer: string;
  readonly arrivedAt: number;
  readonly deadline: Deadline;
  readonly cancellation = new Cancellation();
  readonly trace: CallTrace | undefined;
  readonly lasting: boolean;
  readonly debug: boolean;
  protected readonly stream: Http2Stream;
  protected readonly host: ExchangeHost;
  protected readonly reader: MessageReader;
  /** Nothing more can be sent: answered, or given up. */
  protected over = false;
  readonly fields: readonly string[];
  readonly #encoding: string;
  readonly #headerBytes: number;
  #expiry: DeadlineHandle | undefined;

  constructor(stream: Http2Stream, host: ExchangeHost, call: ExchangeCall) {
    this.stream = stream;
    this.host = host;
    this.path = call.path;
    this.peer = call.peer;
    this.fields = call.list.fields;
    this.#headerBytes = call.list.bytes;
    host.limits.budget.add(this.#headerBytes);
    this.#encoding = call.head.encoding;
    this.arrivedAt = host.clock.now();
    this.deadline = this.arrivedAt + Math.min(call.maxMs, call.head.timeoutMs);
    this.reader = new MessageReader(host.limits, this.#onMessage);
    this.lasting = call.lasting;
    this.debug = call.head.debug;
    const { tracer } = host;
    if (tracer !== undefined && (tracer.active || (call.head.debug && tracer.debug)))
      this.trace = tracer.begin(this);
  }

  /** Begins its time. To be called once, when the subclass has its handler. */
  start(): void {
    // Too late already: nobody is to be troubled.
    if (this.deadline <= this.arrivedAt) this.fail(deadlineError());
    else this.#expiry = this.host.wheel.add(this.deadline + DEADLINE_GRACE_MS, this.#onExpiry);
  }

  get headers(): RpcHeaders {
    return this;
  }

  // As its trace sees it.

  get protocol(): 'grpc' {
    return 'grpc';
  }

  get method(): string {
    return this.path.slice(1);
  }

  get original(): string {
    return this.path;
  }

  get startedAt(): number {
    return this.arrivedAt;
  }

  /** A header's first value. */
  get(name: string): string | Uint8Array | undefined {
    for (let i = 0; i < this.fields.length; i += 2) {
      if (this.fields[i] !== name) continue;
      const value = this.fields[i + 1] as string;
      return name.endsWith('-bin') ? Buffer.from(value.split(',', 1)[0] as string, 'base64') : value;
    }
    return undefined;
  }

  data(bytes: Buffer, start: number, end: number): boolean {
    if (this.over) return false;
    try {
      this.received(end - start);
      return this.reader.push(bytes, start, end);
    } catch (thrown) {
      this.fail(GatewayError.from(thrown));
      return true;
    }
  }

  abstract end(): void;

  closed(): void {
    if (!this.finish(this.trace && callerLeft())) return;
    this.cancellation.cancel();
  }

  /** A whole message, unpacked. */
  protected abstract message(bytes: Buffer): void;

  /** So many bytes of the body have come; by default the client may send as many more at once. */
  protected received(bytes: number): void {
    this.stream.consumed(bytes);
  }

  /**
   * The handler is done with the call, or can be forgotten; false when it was before. `error`: it has failed. `at`: when it has
   * ended, where that is known already.
   */
  protected finish(error?: GatewayError, at?: number): boolean {
    if (this.over) return false;
    this.over = true;
    this.trace?.end(at ?? this.host.clock.now(), error);
    this.reader.stop();
    this.host.limits.budget.give(this.#headerBytes);
    this.host.wheel.remove(this.#expiry);
    this.host.ended(this);
    return true;
  }

  /** Ends the call with an error, unless it has ended. `sent`: the answer has begun. */
  protected fail(error: GatewayError, sent = false): void {
    if (!this.finish(error)) return;
    const end = toCallEnd(error);
    const timeline = this.#timeline(this.trace?.endedAt ?? 0);
    const told =
      timeline === undefined ? end : { ...end, trailers: [...end.trailers, [TIMELINE, timeline] as const] };
    this.stream.end(errorTrailers(told, !sent));
  }

  /** What ends its answer when all is well, at this instant. */
  protected okTrailers(at: number): Buffer {
    const timeline = this.#timeline(at);
    return timeline === undefined ? TRAILERS_OK : trailersWith(timeline);
  }

  #timeline(at: number): string | undefined {
    return this.trace?.call.debug === true ? timelineOf(this.trace, at) : undefined;
  }

  protected handlerFailed(thrown: unknown, sent = false): void {
    this.fail(handlerError(thrown, this.path, this.host.logger), sent);
  }

  /** What is left to do when the deadline has passed: the handler is told after the client. */
  protected expired(): void {
    this.fail(deadlineError());
    this.cancellation.cancel();
  }

  readonly #onExpiry = (): void => this.expired();

  readonly #onMessage = (bytes: Buffer, compressed: boolean): void => {
    if (compressed && this.#encoding === 'identity')
      throw new GatewayError('INTERNAL', 'a message is compressed, but the call names no grpc-encoding');
    // One that needs no unpacking still comes after those that do.
    if (compressed || this.unpacking > 0) this.#queue(bytes, compressed);
    else this.message(bytes);
  };

  /** Messages that are being unpacked, or wait for those before them. */
  protected unpacking = 0;
  #lastUnpacked: Promise<void> = Promise.resolve();

  /** A call's messages are unpacked one after the other: their order is part of what they say. */
  #queue(bytes: Buffer, compressed: boolean): void {
    const { unpacker, limits } = this.host;
    limits.budget.take(bytes.length);
    this.unpacking++;
    const wants = (): boolean => !this.over;
    this.#lastUnpacked = this.#lastUnpacked
      .then(() => (compressed ? unpacker.unpack(bytes, this.#encoding, wants) : bytes))
      .finally(() => limits.budget.give(bytes.length))
      .then(this.#unpacked, (error: unknown) => this.fail(GatewayError.from(error)));
  }

  readonly #unpacked = (bytes: Buffer | undefined): void => {
    this.unpacking--;
    if (this.over || bytes === undefined) return;
    try {
      this.message(bytes);
      this.unpacked();
    } catch (thrown) {
      this.fail(GatewayError.from(thrown));
    }
  };

  /** Called when a message was unpacked that the body's end may have overtaken. */
  protected abstract unpacked(): void;
}

/** What its trace says of a call whose client has given it up, or whose connection is gone. */
function callerLeft(): GatewayError {
  return new GatewayError('CANCELLED', 'the client has given the call up', { reason: 'cancelled' });
}

/** Refuses a call before there is one. */
export function refuse(stream: Http2Stream, error: GatewayError): void {
  stream.end(errorTrailers(toCallEnd(error), true));
}

/** A call without `te: trailers` cannot be told how it ended. */
export function refuseTransport(stream: Http2Stream): void {
  stream.reset(H2_ERROR.protocolError);
}

export function unimplemented(path: string): GatewayError {
  return new GatewayError('UNIMPLEMENTED', `unknown method ${quote(path)}`, { reason: 'bad_request' });
}
