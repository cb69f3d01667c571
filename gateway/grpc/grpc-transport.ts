import type { Socket } from 'node:net';
import type { Clock, TimerHandle } from '../core/clock.js';
import { DeadlineWheel } from '../core/deadline.js';
import { GatewayError, quote } from '../core/error.js';
import { OTHER } from '../core/recorder.js';
import type { RpcMethod, Transport } from '../core/transport.js';
import { Connection } from '../http2/connection.js';
import {
  CHECK_INTERVAL_MS,
  type ConnectionOptions,
  type OpenConnection,
} from '../http2/connection-options.js';
import type { RequestLine } from '../http2/header-fields.js';
import type { HeaderList } from '../http2/hpack-decoder.js';
import type { Http2Stream, StreamUser } from '../http2/stream.js';
import { errorTrailers, httpError } from './answer-blocks.js';
import { Doorman } from './doorman.js';
import { type ExchangeHost, refuse, refuseTransport, unimplemented } from './exchange.js';
import { Listener } from './listener.js';
import { loopUtilisation } from './loop-utilisation.js';
import { classOf } from './method-class.js';
import { peerOf } from './peer.js';
import { Refusals, type SeenCall } from './refusals.js';
import { ENCODINGS, type HeadFault, onlyValue, readHead } from './request-head.js';
import { toCallEnd } from './status.js';
import { StreamExchange } from './stream-exchange.js';
import type { GrpcTransportOptions } from './transport-options.js';
import { UnaryExchange } from './unary-exchange.js';
import { Unpacker } from './unpack.js';
import { WireBudget } from './wire-budget.js';

/** Largest list of headers of one call. */
const MAX_HEADER_LIST_BYTES = 16 * 1024;
const STREAM_WINDOW_BYTES = 2 ** 20;
/** How long a client may take nothing of an answer while half of the byte budget is used. */
const SHORT_STALL_MS = 1000;
/** What one call takes beside its message, with room to spare: the largest message must always fit. */
const ONE_CALL_BYTES = 2 ** 20;

/** Made once: what is refused for want of time must cost next to none. */
const TURNED_AWAY = refusalOf(
  new GatewayError(
    'UNAVAILABLE',
    'the server is too busy to read the request: call another replica, or try again later',
    { reason: 'front_end', retryAfterMs: 100 },
  ),
);

/**
 * gRPC over HTTP/2 of our own (`gateway/http2`): what a call costs, and what a hostile client can do, is decided here and not
 * in a library.
 */
export class GrpcTransport implements Transport {
  readonly #methods: ReadonlyMap<string, RpcMethod>;
  readonly #listener: Listener;
  readonly #host: ExchangeHost;
  readonly #clock: Clock;
  readonly #maxOpenCalls: number;
  readonly #tooManyCalls: Refusal;
  readonly #doorman: Doorman | undefined;
  readonly #recorder: GrpcTransportOptions['recorder'];
  readonly #guard: GrpcTransportOptions['guard'];
  /** Notes calls that are over before they have begun. */
  readonly #refusals: Refusals | undefined;
  readonly #connections = new Set<OpenConnection>();
  readonly #streams = new Set<StreamExchange>();
  readonly #options: ConnectionOptions;
  /** Connections that have something to write when this turn of the event loop is over. */
  #dirty: OpenConnection[] = [];
  #checkTimer: TimerHandle | undefined;
  /** Unary calls that have begun and not ended, those whose message has not come included. */
  #openUnary = 0;
  #draining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: GrpcTransportOptions) {
    const { maxMessageBytes = 64 * 1024 * 1024, maxWireBytes = 256 * 1024 * 1024 } = options;
    this.#clock = options.clock;
    this.#maxOpenCalls = options.maxOpenCalls ?? 10_000;
    this.#tooManyCalls = refusalOf(tooManyCalls(this.#maxOpenCalls));
    const { clock, tracer, utilisation = loopUtilisation() } = options;
    this.#doorman = options.earlyRefusal === false ? undefined : new Doorman({ clock, utilisation });
    this.#recorder = options.recorder;
    this.#guard = options.guard;
    this.#refusals = tracer && new Refusals(tracer, clock);
    this.#methods = new Map(options.methods.map((method) => [method.path, method]));
    this.#host = {
      clock: options.clock,
      wheel: new DeadlineWheel(options.clock),
      logger: options.logger,
      recorder: options.recorder,
      tracer,
      maxDeadlineMs: options.maxDeadlineMs ?? 30_000,
      limits: {
        maxMessageBytes,
        budget: new WireBudget(Math.max(maxWireBytes, maxMessageBytes + ONE_CALL_BYTES)),
      },
      unpacker: new Unpacker(maxMessageBytes),
      failed: (reason) => this.#doorman?.failed(reason),
      ended: (exchange) => {
        if (exchange instanceof StreamExchange) this.#streams.delete(exchange);
        else this.#openUnary--;
      },
    };
    this.#options = this.#connectionOptions(options);
    const { address, maxConnections = 10_000, portFlag, tls } = options;
    this.#listener = new Listener(address, {
      maxConnections,
      portFlag,
      onConnection: this.#onSocket,
      tls: tls && { identity: tls, handshakeTimeoutMs: this.#options.openingTimeoutMs },
    });
  }

  async listen(): Promise<number> {
    const port = await this.#listener.listen();
    this.#check();
    return port;
  }

  async drain(): Promise<void> {
    this.#draining = true;
    const closed = this.#listener.close();
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const stream of this.#streams) stream.close();
    for (const connection of this.#connections) connection.shutdown();
    if (this.#connections.size === 0) this.#onEmpty?.();
    await Promise.all([closed, empty]);
    this.#checkTimer?.cancel();
  }

  close(): void {
    void this.#listener.close();
    this.#checkTimer?.cancel();
    for (const connection of this.#connections) connection.destroy();
    this.#listener.cut();
  }

  #connectionOptions(options: GrpcTransportOptions): ConnectionOptions {
    const { maxConnectionAgeMs = 300_000, sendStallMs = 10_000 } = options;
    const { budget } = this.#host.limits;
    return {
      clock: options.clock,
      maxConcurrentStreams: options.maxConcurrentStreams ?? 1000,
      maxHeaderListBytes: MAX_HEADER_LIST_BYTES,
      streamWindowBytes: STREAM_WINDOW_BYTES,
      openingTimeoutMs: options.openingTimeoutMs ?? 5000,
      keepaliveTimeMs: options.keepaliveTimeMs ?? 60_000,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs ?? 20_000,
      // A few clients that take no answers must not use up what is for all.
      get sendStallMs() {
        return budget.short ? Math.min(sendStallMs, SHORT_STALL_MS) : sendStallMs;
      },
      // Give or take a tenth, so that not all go at once.
      maxAgeMs: () =>
        maxConnectionAgeMs === 0
          ? Number.POSITIVE_INFINITY
          : maxConnectionAgeMs * (0.9 + 0.2 * Math.random()),
      maxIdleMs: options.maxConnectionIdleMs || Number.POSITIVE_INFINITY,
      maxAgeGraceMs: options.maxConnectionAgeGraceMs ?? 30_000,
      onRequest: this.#onRequest,
      queued: (bytes) => budget.add(bytes),
      onBug: (thrown) =>
        options.logger.error({ err: thrown }, 'a call could not be served: a bug, please report it'),
      onClosed: (connection) => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#onEmpty?.();
      },
      flushSoon: this.#flushSoon,
    };
  }

  readonly #onSocket = (socket: Socket): void => {
    const connection = new Connection(socket, peerOf(socket), this.#options);
    this.#connections.add(connection);
    // It was on its way while the server began to drain.
    if (this.#draining) connection.shutdown();
  };

  readonly #onRequest = (
    stream: Http2Stream,
    request: RequestLine,
    list: HeaderList,
    peer: string,
  ): StreamUser | undefined => {
    const method = this.#methods.get(request.path);
    const seen = { request, list, peer, known: method !== undefined };
    if (list.oversize) return this.#refuse(stream, seen, tooManyHeaders(list.bytes));
    const head = readHead(request, list.fields);
    if ('kind' in head) return this.#refuseHead(stream, seen, head);
    const fault = this.#guard?.check({
      kind: classOf(request.path, method !== undefined),
      authorization: onlyValue(list.fields, 'authorization'),
      path: request.path,
      peer,
    });
    if (fault !== undefined) return this.#keepOut(stream, seen, fault);
    if (method === undefined) return this.#refuse(stream, seen, unimplemented(request.path));
    const call = { path: request.path, peer, list, head };
    if (method.kind === 'unary') {
      if (this.#openUnary >= this.#maxOpenCalls) return this.#turnAway(stream, seen, this.#tooManyCalls);
      if (method.sheddable === true && this.#doorman?.turnsAway()) {
        this.#recorder?.refused?.(OTHER, 0, 'front_end');
        return this.#turnAway(stream, seen, TURNED_AWAY);
      }
      this.#openUnary++;
      const limits = { maxMs: this.#host.maxDeadlineMs, lasting: false };
      const exchange = new UnaryExchange(stream, this.#host, { ...call, ...limits });
      exchange.handler = method.handler;
      exchange.start();
      return exchange;
    }
    if (this.#streams.size >= this.#maxOpenCalls) return this.#turnAway(stream, seen, this.#tooManyCalls);
    const limits = { maxMs: Number.POSITIVE_INFINITY, lasting: true };
    const exchange = new StreamExchange(stream, this.#host, { ...call, ...limits });
    exchange.handler = method.handler;
    this.#streams.add(exchange);
    if (this.#draining) exchange.close();
    exchange.start();
    return exchange;
  };

  #refuse(stream: Http2Stream, seen: SeenCall, error: GatewayError): undefined {
    refuse(stream, error);
    this.#refusals?.note(seen, error);
  }

  #refuseHead(stream: Http2Stream, seen: SeenCall, fault: HeadFault): undefined {
    if (fault.kind !== 'http' && fault.kind !== 'reset') return this.#refuse(stream, seen, headError(fault));
    if (fault.kind === 'http') stream.end(httpError(fault.status));
    else refuseTransport(stream);
    this.#refusals?.noteTransport(seen, fault);
    return undefined;
  }

  #keepOut(stream: Http2Stream, seen: SeenCall, fault: GatewayError): undefined {
    if (fault.details.reason !== undefined) this.#recorder?.refused?.(OTHER, 0, fault.details.reason);
    return this.#refuse(stream, seen, fault);
  }

  #turnAway(stream: Http2Stream, seen: SeenCall, { error, block }: Refusal): undefined {
    stream.end(block);
    this.#refusals?.note(seen, error);
  }

  readonly #flushSoon = (connection: OpenConnection): void => {
    this.#dirty.push(connection);
    if (this.#dirty.length === 1) setImmediate(this.#flush);
  };

  readonly #flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
  };

  /** One timer for all connections: each is looked at, and ends what has gone on for too long. */
  #check(): void {
    this.#checkTimer = this.#clock.setTimer(
      () => {
        const now = this.#clock.now();
        for (const connection of this.#connections) connection.check(now);
        this.#check();
      },
      CHECK_INTERVAL_MS,
      { unref: true },
    );
  }
}

/** A refusal that is given often: all of its answer, made once. */
interface Refusal {
  readonly error: GatewayError;
  readonly block: Buffer;
}

function refusalOf(error: GatewayError): Refusal {
  return { error, block: errorTrailers(toCallEnd(error), true) };
}

function tooManyCalls(limit: number): GatewayError {
  const message = `too many calls are open: at most ${limit} are taken`;
  return new GatewayError('UNAVAILABLE', message, { reason: 'queue_full', retryAfterMs: 100 });
}

function tooManyHeaders(bytes: number): GatewayError {
  const message = `the headers have ${bytes} bytes, at most ${MAX_HEADER_LIST_BYTES} are taken`;
  return new GatewayError('RESOURCE_EXHAUSTED', message, { reason: 'bad_request' });
}

function headError(fault: Exclude<HeadFault, { kind: 'http' | 'reset' }>): GatewayError {
  const details = { reason: 'bad_request' } as const;
  if (fault.kind === 'timeout') {
    const wanted = 'wanted 1 to 8 digits and one of H, M, S, m, u, n';
    return new GatewayError('INTERNAL', `grpc-timeout is ${quote(fault.value)}, ${wanted}`, details);
  }
  if (fault.kind === 'base64')
    return new GatewayError('INVALID_ARGUMENT', `the metadata ${quote(fault.name)} is not base64`, details);
  const known = ENCODINGS.join(', ');
  const message = `grpc-encoding is ${quote(fault.value)}, wanted one of ${known}`;
  return new GatewayError('UNIMPLEMENTED', message, {
    ...details,
    acceptEncoding: known.replaceAll(' ', ''),
  });
}
