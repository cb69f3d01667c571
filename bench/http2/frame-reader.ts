import {
  DEFAULT_MAX_FRAME_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  readUint32,
} from '../../gateway/http2/frames.js';

/** What a FrameReader finds. Byte ranges are only valid during the call. */
export interface FrameSink {
  /** A whole header block, CONTINUATION frames joined. */
  onHeaders(stream: number, endStream: boolean, bytes: Buffer, from: number, to: number): void;
  /** Some of a DATA frame's bytes; several calls may make up a frame. */
  onData(stream: number, bytes: Buffer, from: number, to: number): void;
  /** The end of a DATA frame; `flowBytes` is what it takes from the window, padding included. */
  onDataEnd(stream: number, flowBytes: number, endStream: boolean): void;
  onReset(stream: number, errorCode: number): void;
  onSettings(settings: readonly (readonly [id: number, value: number])[]): void;
  onPing(payload: Buffer): void;
  onGoaway(lastStream: number, errorCode: number, debug: string): void;
  /** Stream 0 is the connection. */
  onWindowUpdate(stream: number, bytes: number): void;
}

const MAX_HEADER_BLOCK_BYTES = 256 * 1024;

/**
 * Cuts what a server sends into frames (RFC 9113, section 4). DATA is passed on as it comes, without being gathered; other frames
 * are passed on whole, and copied only when a read ends in the middle of one.
 */
export class FrameReader {
  readonly #sink: FrameSink;
  #stopped = false;
  /** The beginning of a frame whose rest has not come yet. */
  #carry: Buffer | undefined;
  #carried = 0;
  #dataStream = 0;
  #dataBytes = 0;
  #dataLeft = 0;
  #dataEnds = false;
  /** A header block that CONTINUATION frames go on with. */
  #block: { readonly stream: number; readonly endStream: boolean; readonly parts: Buffer[] } | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Says nothing more to the sink, whatever is pushed. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * Takes the first `length` bytes; the buffer is free again afterwards.
   * @throws Error when the server breaks the protocol: the connection cannot go on.
   */
  push(bytes: Buffer, length: number): void {
    let at = 0;
    while (at < length && !this.#stopped) {
      if (this.#dataLeft > 0) {
        at = this.#moreData(bytes, at, length);
        continue;
      }
      const next = this.#carried === 0 ? this.#take(bytes, at, length) : -1;
      at = next >= 0 ? next : this.#keep(bytes, at, length);
    }
  }

  /** Handles the frame at `at`; returns where the next begins (for DATA: its payload), -1 when it is not all there. */
  #take(bytes: Buffer, at: number, limit: number): number {
    if (limit - at < FRAME_HEADER_BYTES) return -1;
    const payloadBytes = payloadLength(bytes, at);
    if (payloadBytes > DEFAULT_MAX_FRAME_BYTES)
      throw new Error(`HTTP/2: a frame of ${payloadBytes} bytes, allowed are ${DEFAULT_MAX_FRAME_BYTES}`);
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const stream = readUint32(bytes, at + 5) & 0x7fffffff;
    if (this.#block !== undefined && (type !== FRAME.continuation || stream !== this.#block.stream))
      throw new Error('HTTP/2: a header block is interrupted by another frame');
    const from = at + FRAME_HEADER_BYTES;
    if (type === FRAME.data && (flags & FLAG.padded) === 0) {
      this.#dataStream = stream;
      this.#dataBytes = payloadBytes;
      this.#dataLeft = payloadBytes;
      this.#dataEnds = (flags & FLAG.endStream) !== 0;
      if (payloadBytes === 0) this.#sink.onDataEnd(stream, 0, this.#dataEnds);
      return from;
    }
    if (limit - from < payloadBytes) return -1;
    this.#handle(type, flags, stream, bytes, from, from + payloadBytes);
    return from + payloadBytes;
  }

  #moreData(bytes: Buffer, at: number, limit: number): number {
    const to = Math.min(limit, at + this.#dataLeft);
    this.#dataLeft -= to - at;
    this.#sink.onData(this.#dataStream, bytes, at, to);
    if (this.#dataLeft === 0) this.#sink.onDataEnd(this.#dataStream, this.#dataBytes, this.#dataEnds);
    return to;
  }

  /** Keeps bytes until a frame is whole, never more than that. */
  #keep(bytes: Buffer, at: number, limit: number): number {
    this.#carry ??= Buffer.allocUnsafe(FRAME_HEADER_BYTES + DEFAULT_MAX_FRAME_BYTES);
    const wanted =
      this.#carried < FRAME_HEADER_BYTES
        ? FRAME_HEADER_BYTES
        : FRAME_HEADER_BYTES + payloadLength(this.#carry, 0);
    const to = Math.min(limit, at + wanted - this.#carried);
    bytes.copy(this.#carry, this.#carried, at, to);
    this.#carried += to - at;
    if (this.#take(this.#carry, 0, this.#carried) >= 0) this.#carried = 0;
    return to;
  }

  #handle(type: number, flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    switch (type) {
      case FRAME.headers:
        this.#headers(flags, stream, bytes, from, to);
        return;
      case FRAME.continuation:
        this.#continuation(flags, bytes, from, to);
        return;
      case FRAME.data: {
        const pad = bytes[from] as number;
        if (1 + pad > to - from) throw new Error('HTTP/2: more padding than frame');
        this.#sink.onData(stream, bytes, from + 1, to - pad);
        this.#sink.onDataEnd(stream, to - from, (flags & FLAG.endStream) !== 0);
        return;
      }
      case FRAME.settings:
        if ((flags & FLAG.ack) === 0) this.#sink.onSettings(readSettings(bytes, from, to));
        return;
      case FRAME.ping:
        if ((flags & FLAG.ack) === 0) this.#sink.onPing(bytes.subarray(from, to));
        return;
      case FRAME.pushPromise:
        throw new Error('HTTP/2: a push, which the client had declined');
      default:
        this.#numbers(type, stream, bytes, from, to);
    }
  }

  #numbers(type: number, stream: number, bytes: Buffer, from: number, to: number): void {
    const wanted = type === FRAME.goaway ? 8 : 4;
    if (type !== FRAME.goaway && type !== FRAME.rstStream && type !== FRAME.windowUpdate) return;
    if (to - from < wanted) throw new Error(`HTTP/2: frame type ${type} with ${to - from} bytes`);
    const first = readUint32(bytes, from);
    if (type === FRAME.rstStream) this.#sink.onReset(stream, first);
    else if (type === FRAME.windowUpdate) this.#sink.onWindowUpdate(stream, first & 0x7fffffff);
    else {
      const debug = bytes.toString('latin1', from + 8, Math.min(to, from + 208));
      this.#sink.onGoaway(first & 0x7fffffff, readUint32(bytes, from + 4), debug);
    }
  }

  #headers(flags: number, stream: number, bytes: Buffer, from: number, to: number): void {
    let first = from;
    let last = to;
    if (flags & FLAG.padded) {
      last -= bytes[from] as number;
      first += 1;
    }
    if (flags & FLAG.priority) first += 5;
    if (first > last) throw new Error('HTTP/2: more padding than frame');
    const endStream = (flags & FLAG.endStream) !== 0;
    if (flags & FLAG.endHeaders) this.#sink.onHeaders(stream, endStream, bytes, first, last);
    else this.#block = { stream, endStream, parts: [Buffer.from(bytes.subarray(first, last))] };
  }

  #continuation(flags: number, bytes: Buffer, from: number, to: number): void {
    const block = this.#block;
    if (block === undefined) throw new Error('HTTP/2: a CONTINUATION that continues nothing');
    block.parts.push(Buffer.from(bytes.subarray(from, to)));
    const length = block.parts.reduce((sum, part) => sum + part.length, 0);
    if (length > MAX_HEADER_BLOCK_BYTES || block.parts.length > 64)
      throw new Error(`HTTP/2: a header block of more than ${MAX_HEADER_BLOCK_BYTES} bytes`);
    if ((flags & FLAG.endHeaders) === 0) return;
    this.#block = undefined;
    this.#sink.onHeaders(block.stream, block.endStream, Buffer.concat(block.parts), 0, length);
  }
}

function payloadLength(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}

function readSettings(bytes: Buffer, from: number, to: number): [number, number][] {
  if ((to - from) % 6 !== 0) throw new Error(`HTTP/2: SETTINGS with ${to - from} bytes`);
  const settings: [number, number][] = [];
  for (let at = from; at < to; at += 6) settings.push([bytes.readUInt16BE(at), readUint32(bytes, at + 2)]);
  return settings;
}
