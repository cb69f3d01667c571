import { ConnectionError } from './errors.js';
import { FRAME_HEADER_BYTES, H2_ERROR, readUint32 } from './frames.js';

/** Called for each frame; its payload is `bytes` from `start` to `end`. True when a view on them is kept. */
export type OnFrame = (
  type: number,
  flags: number,
  stream: number,
  bytes: Buffer,
  start: number,
  end: number,
) => boolean;

/** Room for frames in pieces, of all connections: a connection has one only while it waits for the rest of a frame. */
const MAX_SPARE = 64;
const spare: Buffer[] = [];

/**
 * Cuts what the socket delivers into frames (RFC 9113, section 4.1). A frame that lies within one chunk is handed on where it
 * is; one that does not is put together in a buffer of its own, which is used again unless it was kept. It holds at most one frame.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  readonly #onFrame: OnFrame;
  /** The frame that is not complete: first its head, then the whole of it. */
  #partial: Buffer | undefined;
  #have = 0;
  /** Bytes of the partial frame, as far as they are known to be. */
  #size = 0;

  constructor(maxFrameBytes: number, onFrame: OnFrame) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /** Returns whether a view on the chunk is kept. Throws a ConnectionError for a frame that is too large, and what `onFrame` throws. */
  push(chunk: Buffer, from: number): boolean {
    let kept = false;
    let at = from;
    while (this.#partial !== undefined && at < chunk.length) at = this.#complete(this.#partial, chunk, at);
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const start = at + FRAME_HEADER_BYTES;
      const end = start + this.#lengthOf(chunk, at);
      if (end > chunk.length) break;
      if (this.#deliver(chunk, at, end)) kept = true;
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at);
    return kept;
  }

  #keep(chunk: Buffer, at: number): void {
    const whole = FRAME_HEADER_BYTES + this.#maxFrameBytes;
    this.#partial = spare.pop() ?? Buffer.allocUnsafeSlow(whole);
    if (this.#partial.length < whole) this.#partial = Buffer.allocUnsafeSlow(whole);
    this.#have = chunk.copy(this.#partial, 0, at);
    this.#size = FRAME_HEADER_BYTES;
    if (this.#have >= FRAME_HEADER_BYTES) this.#size += this.#lengthOf(this.#partial, 0);
  }

  /** Adds to the frame that is not complete, and hands it on when it is; returns how far the chunk is used. */
  #complete(partial: Buffer, chunk: Buffer, at: number): number {
    const taken = chunk.copy(partial, this.#have, at, Math.min(chunk.length, at + this.#size - this.#have));
    this.#have += taken;
    if (this.#have < this.#size) return at + taken;
    const size = FRAME_HEADER_BYTES + this.#lengthOf(partial, 0);
    if (this.#size < size) {
      this.#size = size;
      return at + taken;
    }
    this.#partial = undefined;
    const kept = this.#deliver(partial, 0, size);
    if (!kept && spare.length < MAX_SPARE) spare.push(partial);
    return at + taken;
  }

  #deliver(bytes: Buffer, at: number, end: number): boolean {
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const stream = readUint32(bytes, at + 5) & 0x7fffffff;
    return this.#onFrame(type, flags, stream, bytes, at + FRAME_HEADER_BYTES, end);
  }

  #lengthOf(bytes: Buffer, at: number): number {
    const length =
      ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    if (length <= this.#maxFrameBytes) return length;
    const message = `a frame of ${length} bytes, at most ${this.#maxFrameBytes} are taken`;
    throw new ConnectionError(H2_ERROR.frameSizeError, message);
  }
}
