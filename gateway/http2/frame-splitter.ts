import { ConnectionError } from './errors.js';
import { FRAME_HEADER_BYTES, H2_ERROR, readUint32 } from './frames.js';

/** Called for each frame; its payload is `bytes` from `start` to `end`. */
export type OnFrame = (
  type: number,
  flags: number,
  stream: number,
  bytes: Buffer,
  start: number,
  end: number,
) => void;

/**
 * Cuts what the socket delivers into frames (RFC 9113, section 4.1). A frame that lies within one chunk is handed on where it
 * is; one that does not is put together in a buffer of its own. It holds at most one frame.
 */
export class FrameSplitter {
  readonly #maxFrameBytes: number;
  readonly #onFrame: OnFrame;
  /** The frame that is not complete: first its head, then the whole of it. */
  #partial: Buffer | undefined;
  #have = 0;

  constructor(maxFrameBytes: number, onFrame: OnFrame) {
    this.#maxFrameBytes = maxFrameBytes;
    this.#onFrame = onFrame;
  }

  /** Throws a ConnectionError for a frame that is too large, and what `onFrame` throws. */
  push(chunk: Buffer, from: number): void {
    let at = from;
    while (this.#partial !== undefined && at < chunk.length) at = this.#complete(this.#partial, chunk, at);
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const start = at + FRAME_HEADER_BYTES;
      const end = start + this.#lengthOf(chunk, at);
      if (end > chunk.length) break;
      this.#deliver(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at);
  }

  #keep(chunk: Buffer, at: number): void {
    const rest = chunk.length - at;
    const size =
      rest < FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES : FRAME_HEADER_BYTES + this.#lengthOf(chunk, at);
    this.#partial = Buffer.allocUnsafe(size);
    this.#have = chunk.copy(this.#partial, 0, at);
  }

  /** Adds to the frame that is not complete, and hands it on when it is; returns how far the chunk is used. */
  #complete(partial: Buffer, chunk: Buffer, at: number): number {
    const taken = chunk.copy(
      partial,
      this.#have,
      at,
      Math.min(chunk.length, at + partial.length - this.#have),
    );
    this.#have += taken;
    if (this.#have < partial.length) return at + taken;
    const size = FRAME_HEADER_BYTES + this.#lengthOf(partial, 0);
    if (partial.length < size) {
      this.#partial = Buffer.allocUnsafe(size);
      partial.copy(this.#partial);
      return at + taken;
    }
    this.#partial = undefined;
    this.#deliver(partial, 0, size);
    return at + taken;
  }

  #deliver(bytes: Buffer, at: number, end: number): void {
    const type = bytes[at + 3] as number;
    const flags = bytes[at + 4] as number;
    const stream = readUint32(bytes, at + 5) & 0x7fffffff;
    this.#onFrame(type, flags, stream, bytes, at + FRAME_HEADER_BYTES, end);
  }

  #lengthOf(bytes: Buffer, at: number): number {
    const length =
      ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    if (length <= this.#maxFrameBytes) return length;
    const message = `a frame of ${length} bytes, at most ${this.#maxFrameBytes} are taken`;
    throw new ConnectionError(H2_ERROR.frameSizeError, message);
  }
}
