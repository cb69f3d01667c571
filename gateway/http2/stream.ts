import type { H2ErrorCode } from './errors.js';

/** What uses a stream: a call. It is told what comes in, and that nothing more can. */
export interface StreamUser {
  /**
   * Part of the body, `bytes` from `start` to `end`. True when it keeps a view on them; else the memory may be used again.
   */
  data(bytes: Buffer, start: number, end: number): boolean;
  /** The body is complete. */
  end(): void;
  /** The peer has given the stream up, or the connection is gone: nothing can be sent or received any more. Called at most once. */
  closed(): void;
  /** It should come to an end: its connection, or the server, is about to go. */
  close?(): void;
  /** What had to wait in `write` is sent. */
  drained?(): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  /** Sends all of a short answer at once, if the windows allow it. */
  sendWhole(stream: Http2Stream, head: Uint8Array, body: Body, trailers: Uint8Array): boolean;
  sendHeaders(stream: Http2Stream, block: Uint8Array, end: boolean): void;
  /** Something was added to `stream.queue`, `bytes` of a body. */
  sendQueued(stream: Http2Stream, bytes: number): void;
  /** Ends the stream at once, in both directions; its user is told. */
  reset(stream: Http2Stream, code: H2ErrorCode): void;
  /** Bytes of a body were used: the peer may send as many more on this stream. */
  consumed(stream: Http2Stream, bytes: number): void;
  /** We have said everything. */
  finished(stream: Http2Stream): void;
}

/** Bytes that are written where they are wanted. A Buffer is one. */
export interface Body {
  readonly byteLength: number;
  copy(target: Buffer, offset: number): unknown;
}

/** What waits to be sent on a stream: bytes, or the trailers that end it. */
export interface Waiting {
  readonly bytes: Buffer;
  at: number;
  readonly trailers: boolean;
}

/** One stream of a connection, as the server sees it: a request comes in, and an answer goes out. */
export class Http2Stream {
  readonly id: number;
  readonly #host: StreamHost;
  user: StreamUser | undefined;
  /** What the peer still takes, and what it may still send, in bytes. */
  sendWindow: number;
  receiveWindow: number;
  /** Used, but not told to the peer yet. */
  unacknowledged = 0;
  /** The peer has said everything; we have. */
  remoteEnded = false;
  localEnded = false;
  /** What is left of the body that `content-length` promised. */
  contentLeft: number | undefined;
  readonly queue: Waiting[] = [];
  queuedBytes = 0;
  /** For `SendWindows.findStalled`. */
  queuedAtLook = 0;
  stalledLooks = 0;

  constructor(id: number, host: StreamHost, sendWindow: number, receiveWindow: number) {
    this.id = id;
    this.#host = host;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }

  /** Answers with headers, one body and trailers, and ends the stream. Nothing may have been sent before. */
  respond(head: Uint8Array, body: Body, trailers: Uint8Array): void {
    if (this.localEnded) return;
    if (this.#host.sendWhole(this, head, body, trailers)) {
      this.#ended();
      return;
    }
    const bytes = Buffer.allocUnsafeSlow(body.byteLength);
    // Before anything is sent: what throws here can still be told as an error.
    body.copy(bytes, 0);
    this.#host.sendHeaders(this, head, false);
    this.write(bytes);
    this.end(trailers);
  }

  headers(block: Uint8Array): void {
    if (!this.localEnded) this.#host.sendHeaders(this, block, false);
  }

  /** Part of the answer's body, which must not be touched after. `queuedBytes` says how much waits. */
  write(bytes: Buffer): void {
    if (this.localEnded) return;
    this.queue.push({ bytes, at: 0, trailers: false });
    this.#host.sendQueued(this, bytes.length);
  }

  /** Ends the answer, after what waits. */
  end(trailers: Uint8Array): void {
    if (this.localEnded) return;
    if (this.queue.length === 0) {
      this.#host.sendHeaders(this, trailers, true);
      this.#ended();
      return;
    }
    this.queue.push({ bytes: Buffer.from(trailers), at: 0, trailers: true });
    this.#host.sendQueued(this, 0);
  }

  /** Ends the stream at once, in both directions. */
  reset(code: H2ErrorCode): void {
    this.#host.reset(this, code);
  }

  /** Bytes of the body were used: the peer may send as many more. */
  consumed(bytes: number): void {
    if (!this.remoteEnded) this.#host.consumed(this, bytes);
  }

  #ended(): void {
    this.localEnded = true;
    this.#host.finished(this);
  }
}
