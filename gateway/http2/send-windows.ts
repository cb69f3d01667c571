import { freeBuffer } from '../core/free-buffer.js';
import { CHECK_INTERVAL_MS } from './connection-options.js';
import { ConnectionError, StreamError } from './errors.js';
import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  H2_ERROR,
  MAX_WINDOW_BYTES,
  writeFrameHeader,
} from './frames.js';
import type { SendBuffer } from './send-buffer.js';
import type { Body, Http2Stream, Waiting } from './stream.js';

/** Sent frames are no larger than what every peer takes: larger ones gain nothing and keep others waiting. */
const MAX_FRAME_BYTES = DEFAULT_MAX_FRAME_BYTES;

/**
 * What may be sent, and what waits until it may (RFC 9113, section 5.2). Streams with something to send take turns, a frame
 * each; one that its own window holds back lets the next pass.
 */
export class SendWindows {
  readonly #out: SendBuffer;
  readonly #queued: (bytes: number) => void;
  readonly #onEnded: (stream: Http2Stream) => void;
  /** Streams with something in their queues, in the order of their turns. */
  readonly #waiting = new Set<Http2Stream>();
  #window = DEFAULT_WINDOW_BYTES;
  /** Of a new stream: what the peer's SETTINGS say. */
  initial = DEFAULT_WINDOW_BYTES;

  /**
   * @param queued told of bytes that begin to wait, and, negative, of those that do not wait any more
   * @param onEnded called when the trailers of a stream were sent
   */
  constructor(out: SendBuffer, queued: (bytes: number) => void, onEnded: (stream: Http2Stream) => void) {
    this.#out = out;
    this.#queued = queued;
    this.#onEnded = onEnded;
  }

  /** Whether anything waits for the peer. */
  get waiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** A whole short answer, contiguous: headers, one DATA frame, trailers. False when it does not fit now: nothing was written. */
  sendWhole(stream: Http2Stream, head: Uint8Array, body: Body, trailers: Uint8Array): boolean {
    const length = body.byteLength;
    if (length > MAX_FRAME_BYTES || length > this.#window || length > stream.sendWindow) return false;
    if (this.#out.blocked) return false;
    const size = 3 * FRAME_HEADER_BYTES + head.length + length + trailers.length;
    let at = this.#out.reserve(size);
    const { bytes } = this.#out;
    at = writeFrameHeader(bytes, at, head.length, FRAME.headers, FLAG.endHeaders, stream.id);
    bytes.set(head, at);
    at = writeFrameHeader(bytes, at + head.length, length, FRAME.data, 0, stream.id);
    try {
      body.copy(bytes, at);
    } catch (thrown) {
      // Half a frame would break the whole connection.
      this.#out.cancel(size);
      throw thrown;
    }
    at = writeFrameHeader(
      bytes,
      at + length,
      trailers.length,
      FRAME.headers,
      FLAG.endHeaders | FLAG.endStream,
      stream.id,
    );
    bytes.set(trailers, at);
    this.#window -= length;
    return true;
  }

  /** A header block in one frame: ours are always small. */
  sendHeaders(stream: number, block: Uint8Array, end: boolean): void {
    let at = this.#out.reserve(FRAME_HEADER_BYTES + block.length);
    const flags = FLAG.endHeaders | (end ? FLAG.endStream : 0);
    at = writeFrameHeader(this.#out.bytes, at, block.length, FRAME.headers, flags, stream);
    this.#out.bytes.set(block, at);
  }

  /** Something was added to the stream's queue, `bytes` of a body. */
  add(stream: Http2Stream, bytes: number): void {
    stream.queuedBytes += bytes;
    this.#queued(bytes);
    this.#waiting.add(stream);
    this.pump();
  }

  /** Forgets what the stream had to send. */
  remove(stream: Http2Stream): void {
    this.#waiting.delete(stream);
    stream.queue.length = 0;
    this.#queued(-stream.queuedBytes);
    stream.queuedBytes = 0;
  }

  /** WINDOW_UPDATE for the connection. */
  grow(bytes: number): void {
    if (this.#window + bytes > MAX_WINDOW_BYTES)
      throw new ConnectionError(H2_ERROR.flowControlError, 'the connection’s window is too large');
    this.#window += bytes;
    this.pump();
  }

  /** WINDOW_UPDATE for a stream. */
  growStream(stream: Http2Stream, bytes: number): void {
    if (stream.sendWindow + bytes > MAX_WINDOW_BYTES)
      throw new StreamError(H2_ERROR.flowControlError, stream.id, 'the window is too large');
    stream.sendWindow += bytes;
    if (stream.queue.length > 0) this.pump();
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE: for new streams, and as a difference for the open ones, below zero if need be. */
  setInitial(bytes: number, open: Iterable<Http2Stream>): void {
    const difference = bytes - this.initial;
    this.initial = bytes;
    for (const stream of open) {
      stream.sendWindow += difference;
      if (stream.sendWindow > MAX_WINDOW_BYTES)
        throw new ConnectionError(H2_ERROR.flowControlError, 'a stream’s window is too large');
    }
    this.pump();
  }

  /** Streams whose peers have taken nothing of what waits for them for `limitMs`, as seen at looks `CHECK_INTERVAL_MS` apart. */
  findStalled(limitMs: number): Http2Stream[] {
    const stalled: Http2Stream[] = [];
    for (const stream of this.#waiting) {
      const moved = stream.queuedBytes !== stream.queuedAtLook;
      stream.queuedAtLook = stream.queuedBytes;
      stream.stalledLooks = moved ? 0 : stream.stalledLooks + 1;
      if (stream.stalledLooks * CHECK_INTERVAL_MS >= limitMs) stalled.push(stream);
    }
    return stalled;
  }

  /** Sends what the windows and the socket take, in rounds of a frame for each stream. */
  pump(): void {
    let sent = this.#waiting.size > 0;
    while (sent) {
      sent = false;
      for (const stream of this.#waiting) {
        if (this.#out.blocked) return;
        sent = this.#sendFrame(stream) || sent;
      }
    }
  }

  /** One frame of a stream; false when it may send nothing. */
  #sendFrame(stream: Http2Stream): boolean {
    const next = stream.queue[0] as Waiting;
    if (next.trailers) {
      this.remove(stream);
      this.sendHeaders(stream.id, next.bytes, true);
      this.#onEnded(stream);
      return true;
    }
    const left = next.bytes.length - next.at;
    const length = Math.min(left, this.#window, stream.sendWindow, MAX_FRAME_BYTES);
    if (length <= 0 && left > 0) return false;
    const start = this.#out.reserve(FRAME_HEADER_BYTES + length);
    const at = writeFrameHeader(this.#out.bytes, start, length, FRAME.data, 0, stream.id);
    next.bytes.copy(this.#out.bytes, at, next.at, next.at + length);
    next.at += length;
    this.#window -= length;
    stream.sendWindow -= length;
    stream.queuedBytes -= length;
    this.#queued(-length);
    if (next.at === next.bytes.length) this.#sent(stream, next);
    return true;
  }

  #sent(stream: Http2Stream, { bytes }: Waiting): void {
    stream.queue.shift();
    freeBuffer(bytes);
    if (stream.queue.length > 0) return;
    this.#waiting.delete(stream);
    stream.user?.drained?.();
  }
}
