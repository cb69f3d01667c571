import {
  DEFAULT_MAX_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLAG,
  FRAME,
  FRAME_HEADER_BYTES,
  MAX_WINDOW_BYTES,
  writeFrameHeader,
} from '../../gateway/http2/frames.js';
import type { Call } from './call.js';
import type { OutBuffer } from './out-buffer.js';

/** Larger frames gain nothing and let one body keep the others waiting. */
const MAX_FRAME_BYTES = 32 * 1024;

/**
 * Request bodies that could not be sent in one piece, and the server's windows (RFC 9113, section 5.2). Bodies go in the
 * order of their calls; one that its own stream's window holds back lets the next pass.
 */
export class SendQueue {
  readonly #out: OutBuffer;
  #entries: { readonly call: Call; readonly message: Buffer }[] = [];
  #window = DEFAULT_WINDOW_BYTES;
  #initialWindow = DEFAULT_WINDOW_BYTES;
  #maxFrame = DEFAULT_MAX_FRAME_BYTES;

  constructor(out: OutBuffer) {
    this.#out = out;
  }

  /** Whether a body of one frame may go at once, before any that waits; if so, it counts as sent. */
  takeAtOnce(bytes: number): boolean {
    if (bytes > this.#window || bytes > this.#initialWindow || this.#entries.length > 0) return false;
    this.#window -= bytes;
    return true;
  }

  /** Sends the body of a call whose head is written, as far as the windows let it. */
  add(call: Call, message: Buffer): void {
    call.unsent = message.length;
    call.sendWindow = this.#initialWindow;
    this.#entries.push({ call, message });
    this.pump();
  }

  /** The call has ended before its body was sent. */
  remove(call: Call): void {
    if (call.unsent === 0) return;
    call.unsent = 0;
    this.#entries = this.#entries.filter((entry) => entry.call !== call);
  }

  /** The server lets the connection send more. */
  grow(bytes: number): void {
    this.#window = Math.min(MAX_WINDOW_BYTES, this.#window + bytes);
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE: for new streams, and as a difference for the open ones, below zero if need be. */
  setInitialWindow(bytes: number): void {
    for (const { call } of this.#entries) call.sendWindow += bytes - this.#initialWindow;
    this.#initialWindow = bytes;
  }

  /** SETTINGS_MAX_FRAME_SIZE */
  setMaxFrame(bytes: number): void {
    this.#maxFrame = Math.min(MAX_FRAME_BYTES, Math.max(DEFAULT_MAX_FRAME_BYTES, bytes));
  }

  /** Sends what the windows and the socket take. */
  pump(): void {
    let done = 0;
    for (const { call, message } of this.#entries) {
      if (this.#window <= 0 || this.#out.blocked) break;
      this.#send(call, message);
      if (call.unsent === 0) done++;
    }
    if (done > 0) this.#entries = this.#entries.filter(({ call }) => call.unsent > 0);
  }

  #send(call: Call, message: Buffer): void {
    while (call.unsent > 0 && !this.#out.blocked) {
      const length = Math.min(call.unsent, this.#window, call.sendWindow, this.#maxFrame);
      if (length <= 0) return;
      const from = message.length - call.unsent;
      const flags = length === call.unsent ? FLAG.endStream : 0;
      const at = this.#out.reserve(FRAME_HEADER_BYTES + length);
      const to = writeFrameHeader(this.#out.bytes, at, length, FRAME.data, flags, call.stream);
      message.copy(this.#out.bytes, to, from, from + length);
      call.unsent -= length;
      call.sendWindow -= length;
      this.#window -= length;
    }
  }
}
