import type { Clock } from '../core/clock.js';
import type { RequestLine } from './header-fields.js';
import type { HeaderList } from './hpack-decoder.js';
import type { Http2Stream, StreamUser } from './stream.js';

/** A connection, as the server that owns it sees it. */
export interface OpenConnection {
  /** Writes what has gathered. */
  flush(): void;
  /** Lets the streams that are open end, takes no new ones, and closes. */
  shutdown(): void;
  /** Ends it at once. */
  destroy(): void;
  /** To be called every `CHECK_INTERVAL_MS`: ends what has gone on for too long. */
  check(now: number): void;
}

/** What all connections of a server have in common. */
export interface ConnectionOptions {
  readonly clock: Clock;
  /** Streams that a peer may have open. */
  readonly maxConcurrentStreams: number;
  /** Size of a header list as HTTP/2 counts it; a larger one is told to `onRequest` as `oversize`. */
  readonly maxHeaderListBytes: number;
  /** Body bytes that a peer may send on a stream before they are used. */
  readonly streamWindowBytes: number;
  /** How long the peer may take to say who it is (preface and SETTINGS). */
  readonly openingTimeoutMs: number;
  /** A connection that was silent for this long is asked whether it still lives, */
  readonly keepaliveTimeMs: number;
  /** and may take this long to answer. */
  readonly keepaliveTimeoutMs: number;
  /** How long a peer may leave unread what it asked for. */
  readonly sendStallMs: number;
  /** Time without a stream after which a connection is told to go; Infinity for never. */
  readonly maxIdleMs: number;
  /** Age at which a connection is told to go; Infinity for never. */
  maxAgeMs(): number;
  /** How long its calls may go on after that. */
  readonly maxAgeGraceMs: number;
  /** A request has come; its user is told of what follows. `peer` is the address that the connection was made with. */
  onRequest(
    stream: Http2Stream,
    request: RequestLine,
    list: HeaderList,
    peer: string,
  ): StreamUser | undefined;
  /** So many more bytes of answers wait for their peers to take them; fewer where it is negative. */
  queued(bytes: number): void;
  /** Whoever uses streams has thrown: a bug. The connection ends, the others go on. */
  onBug(thrown: unknown): void;
  onClosed(connection: OpenConnection): void;
  /** The connection has something to write: call its `flush` when this turn of the event loop is over. */
  flushSoon(connection: OpenConnection): void;
}

/** Milliseconds between two looks at what has gone on for too long. */
export const CHECK_INTERVAL_MS = 500;
