import {
  DEFAULT_MAX_FRAME_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  frame,
  writeFrameHeader,
  writeUint32,
} from '../../gateway/http2/frames.js';
import { encodeHeaders } from '../../gateway/http2/hpack-encode.js';

export interface RequestOptions {
  /** `host:port`, for `:authority`. */
  readonly authority: string;
  /** `/package.Service/Method` */
  readonly path: string;
  /** ASCII, lower-case names. */
  readonly metadata: readonly (readonly [string, string])[];
  /** The requests carry `grpc-timeout`. */
  readonly timed: boolean;
  /** Messages without gRPC's prefix. */
  readonly bodies: readonly Uint8Array[];
}

/** A request message, ready to be sent. */
export interface RequestBody {
  /** gRPC's 5-byte prefix and the message: what goes into DATA frames. */
  readonly message: Buffer;
  /** The request in one piece: head frames and one DATA frame; absent where the message needs more than one frame. */
  readonly whole: Buffer | undefined;
}

const TIMEOUT_DIGITS = 8;
const MAX_TIMEOUT_MS = 10 ** TIMEOUT_DIGITS - 1;

/**
 * A kind of request, encoded once: only the stream's number and the digits of `grpc-timeout` differ between calls, and
 * both have fixed places and widths.
 */
export class RequestTemplate {
  /** HEADERS, and CONTINUATION frames where the metadata is large. */
  readonly head: Buffer;
  readonly bodies: readonly RequestBody[];
  readonly #streamOffsets: readonly number[];
  readonly #timeoutOffset: number;

  constructor(options: RequestOptions) {
    const first: (readonly [string, string])[] = [
      [':method', 'POST'],
      [':scheme', 'http'],
      [':path', options.path],
      [':authority', options.authority],
      ...(options.timed ? [['grpc-timeout', `${'0'.repeat(TIMEOUT_DIGITS)}m`] as const] : []),
    ];
    const start = encodeHeaders(first);
    if (start.length > DEFAULT_MAX_FRAME_BYTES)
      throw new Error(`Cannot call a path of ${options.path.length} characters: it must fit into one frame`);
    const rest = encodeHeaders([
      ['te', 'trailers'],
      ['content-type', 'application/grpc'],
      ['user-agent', 'grpc-sluice-bench'],
      ...options.metadata,
    ]);
    const { head, offsets } = headFrames(Buffer.concat([start, rest]));
    this.head = head;
    this.#streamOffsets = offsets;
    this.#timeoutOffset = options.timed ? FRAME_HEADER_BYTES + start.length - TIMEOUT_DIGITS - 1 : -1;
    this.bodies = options.bodies.map((body) => this.#body(body));
  }

  /** Writes the head for a stream at `at`, which has room for it. */
  writeHead(out: Buffer, at: number, stream: number, timeoutMs: number): void {
    out.set(this.head, at);
    this.#patch(out, at, stream, timeoutMs);
  }

  /** Writes a request that fits into one piece at `at`, which has room for `whole.length` bytes. */
  writeWhole(out: Buffer, at: number, whole: Buffer, stream: number, timeoutMs: number): void {
    out.set(whole, at);
    this.#patch(out, at, stream, timeoutMs);
    writeUint32(out, at + this.head.length + 5, stream);
  }

  #patch(out: Buffer, at: number, stream: number, timeoutMs: number): void {
    for (const offset of this.#streamOffsets) writeUint32(out, at + offset, stream);
    if (this.#timeoutOffset < 0) return;
    // Whole milliseconds, rounded up as other clients do: a server must not give up before its caller would.
    let value = Math.min(MAX_TIMEOUT_MS, Math.max(1, Math.ceil(timeoutMs)));
    for (
      let digit = at + this.#timeoutOffset + TIMEOUT_DIGITS - 1;
      digit >= at + this.#timeoutOffset;
      digit--
    ) {
      out[digit] = 0x30 + (value % 10);
      value = Math.floor(value / 10);
    }
  }

  #body(body: Uint8Array): RequestBody {
    const message = Buffer.allocUnsafe(5 + body.length);
    message[0] = 0;
    writeUint32(message, 1, body.length);
    message.set(body, 5);
    if (message.length > DEFAULT_MAX_FRAME_BYTES) return { message, whole: undefined };
    const whole = Buffer.concat([this.head, frame(FRAME.data, FLAG.endStream, 0, message)]);
    return { message, whole };
  }
}

/** A header block cut into frames for stream 0, and where the streams' numbers stand in them. */
function headFrames(block: Buffer): { head: Buffer; offsets: number[] } {
  const parts: Buffer[] = [];
  const offsets: number[] = [];
  let written = 0;
  for (let at = 0; at < block.length; at += DEFAULT_MAX_FRAME_BYTES) {
    const piece = block.subarray(at, at + DEFAULT_MAX_FRAME_BYTES);
    const last = at + piece.length === block.length;
    const out = Buffer.allocUnsafe(FRAME_HEADER_BYTES + piece.length);
    const type = at === 0 ? FRAME.headers : FRAME.continuation;
    out.set(piece, writeFrameHeader(out, 0, piece.length, type, last ? FLAG.endHeaders : 0, 0));
    offsets.push(written + 5);
    written += out.length;
    parts.push(out);
  }
  return { head: Buffer.concat(parts), offsets };
}
