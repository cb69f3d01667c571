import type { Charges } from './charges.js';
import type { ConnectionOptions } from './connection-options.js';
import { ConnectionError, type H2ErrorCode, StreamError } from './errors.js';
import { DEFAULT_WINDOW_BYTES, FLAG, FRAME, H2_ERROR, numberFrame, readUint32 } from './frames.js';
import { areTrailers, type RequestLine, requestLine } from './header-fields.js';
import type { HeaderList } from './hpack-decoder.js';
import type { SendBuffer } from './send-buffer.js';
import { SendWindows } from './send-windows.js';
import { type Body, Http2Stream, type StreamHost } from './stream.js';
import { StreamTable } from './stream-table.js';

/** What a connection may receive before it is used, of all streams together. */
const CONNECTION_WINDOW_BYTES = 16 * 2 ** 20;
/** Streams that we ended first, or never took, and whose peers may not know yet. */
const MAX_REMEMBERED = 1000;

/** Of a request whose header list was too large to be looked at. */
const NO_REQUEST: RequestLine = { method: '', path: '', authority: '', contentLength: undefined };

/** The streams of one connection: the frames that concern them, and what they send (RFC 9113, section 5). */
export class Streams implements StreamHost {
  readonly #options: ConnectionOptions;
  readonly #out: SendBuffer;
  readonly #charges: Charges;
  readonly #peer: string;
  readonly #onLast: () => void;
  readonly windows: SendWindows;
  readonly #open = new StreamTable();
  readonly #endedEarly = new Set<number>();
  /** Set when no new streams are taken. */
  refusing = false;
  /** The highest that the peer has opened. */
  last = 0;
  #skipped = false;
  #receiveWindow = CONNECTION_WINDOW_BYTES;
  #unacknowledged = 0;

  /** @param onLast called when the last open stream has ended */
  constructor(
    options: ConnectionOptions,
    peer: string,
    out: SendBuffer,
    charges: Charges,
    onLast: () => void,
  ) {
    this.#options = options;
    this.#peer = peer;
    this.#out = out;
    this.#charges = charges;
    this.#onLast = onLast;
    this.windows = new SendWindows(out, options.queued, (stream) => {
      stream.localEnded = true;
      this.finished(stream);
    });
    out.append(numberFrame(FRAME.windowUpdate, 0, CONNECTION_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  get size(): number {
    return this.#open.size;
  }

  all(): Iterable<Http2Stream> {
    return this.#open.values();
  }

  // What streams ask for.

  sendWhole(stream: Http2Stream, head: Uint8Array, body: Body, trailers: Uint8Array): boolean {
    return this.windows.sendWhole(stream, head, body, trailers);
  }

  sendHeaders(stream: Http2Stream, block: Uint8Array, end: boolean): void {
    this.windows.sendHeaders(stream.id, block, end);
  }

  sendQueued(stream: Http2Stream, bytes: number): void {
    this.windows.add(stream, bytes);
  }

  consumed(stream: Http2Stream, bytes: number): void {
    stream.unacknowledged += bytes;
    if (stream.unacknowledged < this.#options.streamWindowBytes / 2) return;
    this.#out.append(numberFrame(FRAME.windowUpdate, stream.id, stream.unacknowledged));
    stream.receiveWindow += stream.unacknowledged;
    stream.unacknowledged = 0;
  }

  finished(stream: Http2Stream): void {
    this.#charges.answered();
    // The peer may stop: we have answered before it had said everything (section 8.1).
    if (!stream.remoteEnded) this.#sendReset(stream.id, H2_ERROR.noError);
    this.#forget(stream);
  }

  /** Ends a stream from our side, its user included. */
  reset(stream: Http2Stream, code: H2ErrorCode): void {
    if (this.#open.get(stream.id) !== stream) return;
    this.#sendReset(stream.id, code);
    this.#close(stream);
  }

  /** A stream error: the peer is told, and charged. */
  fail(error: StreamError): void {
    this.#charges.reset();
    const stream = this.#open.get(error.stream);
    if (stream !== undefined) this.reset(stream, error.code);
    else this.#sendReset(error.stream, error.code);
  }

  /** What can end by itself should: the connection is about to be cut. */
  tellToEnd(): void {
    for (const { user } of this.#open.values()) user?.close?.();
  }

  /** The connection is gone. */
  closeAll(): void {
    for (const stream of this.#open.values()) this.#close(stream);
  }

  // Frames.

  data(flags: number, id: number, bytes: Buffer, start: number, end: number): boolean {
    const size = end - start;
    this.#receive(size);
    const stream = this.#streamOf('DATA', id);
    if (stream === undefined && this.#endedEarly.has(id)) return false;
    if (stream === undefined || stream.remoteEnded)
      throw new StreamError(H2_ERROR.streamClosed, id, 'DATA after its end');
    stream.receiveWindow -= size;
    if (stream.receiveWindow < 0)
      throw new StreamError(H2_ERROR.flowControlError, id, 'more than its window');
    const padding = paddingOf(flags, bytes, start, end);
    const from = padding === 0 ? start : start + 1;
    const to = padding === 0 ? end : end - (padding - 1);
    const ends = (flags & FLAG.endStream) !== 0;
    if (from === to && !ends) this.#charges.idleFrame();
    if (stream.contentLeft !== undefined) stream.contentLeft -= to - from;
    if (ends) checkContent(stream);
    stream.remoteEnded = ends;
    // Padding is used up at once; the rest when the stream's user says so.
    if (padding > 0) stream.consumed(padding);
    const kept = to > from && stream.user?.data(bytes, from, to) === true;
    if (ends) stream.user?.end();
    return kept;
  }

  /** A whole header list: a request, or trailers. */
  headers(id: number, list: HeaderList, ends: boolean): void {
    const stream = this.#open.get(id);
    if (stream !== undefined) this.#trailers(stream, list, ends);
    else if (this.#endedEarly.has(id)) this.#charges.idleFrame();
    else this.#begin(id, list, ends);
  }

  priority(id: number, bytes: Buffer, start: number, end: number): void {
    if (id === 0) throw new ConnectionError(H2_ERROR.protocolError, 'PRIORITY on the connection');
    if (end - start !== 5) throw new StreamError(H2_ERROR.frameSizeError, id, 'PRIORITY takes 5 bytes');
    if ((readUint32(bytes, start) & 0x7fffffff) === id)
      throw new StreamError(H2_ERROR.protocolError, id, 'a stream depends on itself');
    this.#charges.idleFrame();
  }

  rstStream(id: number, size: number): void {
    if (size !== 4) throw new ConnectionError(H2_ERROR.frameSizeError, 'RST_STREAM takes 4 bytes');
    const stream = this.#streamOf('RST_STREAM', id);
    if (stream === undefined) {
      this.#charges.idleFrame();
      return;
    }
    this.#charges.reset();
    stream.remoteEnded = true;
    this.#close(stream);
  }

  windowUpdate(id: number, bytes: Buffer, start: number, end: number): void {
    if (end - start !== 4) throw new ConnectionError(H2_ERROR.frameSizeError, 'WINDOW_UPDATE takes 4 bytes');
    const stream = id === 0 ? undefined : this.#streamOf('WINDOW_UPDATE', id);
    const increment = readUint32(bytes, start) & 0x7fffffff;
    if (increment === 0) {
      if (id !== 0) throw new StreamError(H2_ERROR.protocolError, id, 'a window grows by nothing');
      throw new ConnectionError(H2_ERROR.protocolError, 'the connection’s window grows by nothing');
    }
    if (!this.windows.waiting) this.#charges.idleFrame();
    if (id === 0) this.windows.grow(increment);
    else if (stream !== undefined) this.windows.growStream(stream, increment);
  }

  #begin(id: number, list: HeaderList, ends: boolean): void {
    this.#checkNew(id);
    if (id > this.last + 2) this.#skipped = true;
    this.last = id;
    const { maxConcurrentStreams, streamWindowBytes } = this.#options;
    if (this.#open.size >= maxConcurrentStreams || this.refusing) {
      this.#remember(id);
      throw new StreamError(H2_ERROR.refusedStream, id, 'too many streams');
    }
    const request = list.malformed ? undefined : requestLine(list.fields);
    if (request === undefined && !list.oversize) {
      if (!ends) this.#remember(id);
      throw new StreamError(H2_ERROR.protocolError, id, 'a malformed request');
    }
    const stream = new Http2Stream(id, this, this.windows.initial, streamWindowBytes);
    stream.contentLeft = request?.contentLength;
    stream.remoteEnded = ends;
    this.#open.add(stream);
    if (ends) checkContent(stream);
    stream.user = this.#options.onRequest(stream, request ?? NO_REQUEST, list, this.#peer);
    if (ends) stream.user?.end();
  }

  #checkNew(id: number): void {
    if (id % 2 === 0) throw new ConnectionError(H2_ERROR.protocolError, `a client cannot open stream ${id}`);
    if (id > this.last) return;
    const code = this.#skipped ? H2_ERROR.protocolError : H2_ERROR.streamClosed;
    throw new ConnectionError(code, `stream ${id} is opened after stream ${this.last}`);
  }

  #trailers(stream: Http2Stream, list: HeaderList, ends: boolean): void {
    if (stream.remoteEnded) throw new StreamError(H2_ERROR.streamClosed, stream.id, 'HEADERS after its end');
    if (!ends || list.malformed || !areTrailers(list.fields))
      throw new StreamError(H2_ERROR.protocolError, stream.id, 'malformed trailers');
    checkContent(stream);
    stream.remoteEnded = true;
    stream.user?.end();
  }

  /** The open stream of this id; undefined when it has ended. A ConnectionError when there never was one. */
  #streamOf(what: string, id: number): Http2Stream | undefined {
    // Even ones are ours to open, and we open none.
    if (id % 2 === 1 && id <= this.last) return this.#open.get(id);
    throw new ConnectionError(H2_ERROR.protocolError, `${what} on stream ${id}, which is not open`);
  }

  #receive(size: number): void {
    this.#receiveWindow -= size;
    if (this.#receiveWindow < 0)
      throw new ConnectionError(H2_ERROR.flowControlError, 'more than the connection’s window');
    this.#unacknowledged += size;
    if (this.#unacknowledged < CONNECTION_WINDOW_BYTES / 2) return;
    this.#out.append(numberFrame(FRAME.windowUpdate, 0, this.#unacknowledged));
    this.#receiveWindow += this.#unacknowledged;
    this.#unacknowledged = 0;
  }

  #sendReset(id: number, code: H2ErrorCode): void {
    this.#out.append(numberFrame(FRAME.rstStream, id, code));
  }

  /** The stream is over for its user: nothing more can be sent or received. */
  #close(stream: Http2Stream): void {
    const { user } = stream;
    stream.user = undefined;
    stream.localEnded = true;
    this.windows.remove(stream);
    this.#forget(stream);
    user?.closed();
  }

  #forget(stream: Http2Stream): void {
    this.#open.delete(stream.id);
    if (!stream.remoteEnded) this.#remember(stream.id);
    if (this.#open.size === 0) this.#onLast();
  }

  #remember(id: number): void {
    this.#endedEarly.add(id);
    if (this.#endedEarly.size <= MAX_REMEMBERED) return;
    const [oldest] = this.#endedEarly;
    this.#endedEarly.delete(oldest as number);
  }
}

function checkContent(stream: Http2Stream): void {
  if (stream.contentLeft === undefined || stream.contentLeft === 0) return;
  throw new StreamError(H2_ERROR.protocolError, stream.id, 'content-length is not the length of the body');
}

/** Bytes of a DATA frame that are not body (section 6.1): 0, or the padding and the byte that tells its length. */
function paddingOf(flags: number, bytes: Buffer, start: number, end: number): number {
  if ((flags & FLAG.padded) === 0) return 0;
  const padding = 1 + (bytes[start] as number);
  if (start + padding <= end) return padding;
  throw new ConnectionError(H2_ERROR.protocolError, 'more padding than payload');
}
