import { readUint32 } from '../../gateway/http2/frames.js';
import { STATUS, statusOfHttp } from './grpc-status.js';
import type { RequestTemplate } from './request.js';

/** A longer message is counted but not gathered: it could not be verified anyway. */
const MAX_GATHERED_BYTES = 1 << 30;

/**
 * One call, from when it was meant to start to its end. Objects are used again for later calls: nothing may hold one
 * beyond its end.
 */
export class Call {
  // What is to be called.
  request!: RequestTemplate;
  templateIndex = 0;
  bodyIndex = 0;
  intendedMs = 0;
  /** Infinity when the call has no deadline. */
  deadlineAtMs = Number.POSITIVE_INFINITY;
  /** How often a server that was going away handed it back. */
  handedBack = 0;
  /** The answer's message is wanted, not only its status. */
  wantsMessage = false;

  // The connection's business while the call is open.
  stream = 0;
  /** Bytes of the request message that are not sent yet. */
  unsent = 0;
  /** What the server lets the stream send, counted only while something is unsent. */
  sendWindow = 0;
  httpStatus = 0;
  grpcStatus = -1;

  // How it ended.
  /** A gRPC code, or STATUS.connection. */
  status: number = STATUS.unknown;
  statusMessage = '';
  /** Why the answer is not the one that was expected. */
  wrong: string | undefined;

  #messages = 0;
  #compressed = false;
  #prefixBytes = 0;
  readonly #prefix = Buffer.alloc(5);
  #messageBytes = 0;
  #received = 0;
  #gathered: Buffer | undefined;

  /** Forgets the last answer, before the call is opened. */
  reset(): void {
    this.unsent = 0;
    this.httpStatus = 0;
    this.grpcStatus = -1;
    this.status = STATUS.unknown;
    this.statusMessage = '';
    this.wrong = undefined;
    this.#messages = 0;
    this.#compressed = false;
    this.#prefixBytes = 0;
    this.#received = 0;
    this.#messageBytes = 0;
  }

  /**
   * Takes bytes of the answer's body. Returns the message when it ended in them and is wanted, as a range to be read at
   * once; the usual answer, all in one piece, is not copied.
   */
  receive(bytes: Buffer, from: number, to: number): Buffer | undefined {
    if (this.#prefixBytes === 0 && this.#messages === 0 && to - from >= 5) {
      const length = readUint32(bytes, from + 1);
      if (length === to - from - 5) {
        this.#messages = 1;
        this.#compressed = bytes[from] !== 0;
        return this.wantsMessage ? bytes.subarray(from + 5, to) : undefined;
      }
    }
    return this.#gather(bytes, from, to);
  }

  #gather(bytes: Buffer, from: number, to: number): Buffer | undefined {
    let message: Buffer | undefined;
    let at = from;
    while (at < to) {
      if (this.#prefixBytes < 5) {
        this.#prefix[this.#prefixBytes++] = bytes[at++] as number;
        if (this.#prefixBytes < 5) continue;
        this.#beginMessage();
      } else {
        const end = Math.min(to, at + this.#messageBytes - this.#received);
        if (this.#gathered !== undefined && this.wantsMessage)
          bytes.copy(this.#gathered, this.#received, at, end);
        this.#received += end - at;
        at = end;
      }
      if (this.#received < this.#messageBytes) continue;
      this.#messages++;
      this.#prefixBytes = 0;
      if (this.wantsMessage) message = this.#gathered?.subarray(0, this.#messageBytes);
    }
    return message;
  }

  #beginMessage(): void {
    this.#compressed ||= this.#prefix[0] !== 0;
    this.#messageBytes = readUint32(this.#prefix, 1);
    this.#received = 0;
    if (!this.wantsMessage) return;
    if (this.#messageBytes > MAX_GATHERED_BYTES) this.#gathered = undefined;
    else if (this.#gathered === undefined || this.#gathered.length < this.#messageBytes)
      this.#gathered = Buffer.allocUnsafe(this.#messageBytes);
  }

  /** The answer has come to its end: works out the status that a gRPC client would report. */
  finish(): void {
    if (this.grpcStatus >= 0) this.status = this.grpcStatus;
    else if (this.httpStatus !== 200) {
      this.status = statusOfHttp(this.httpStatus);
      this.statusMessage = `HTTP status ${this.httpStatus} without grpc-status`;
    } else {
      this.status = STATUS.internal;
      this.statusMessage = 'the answer ended without grpc-status';
    }
    if (this.status !== STATUS.ok) return;
    if (this.#messages !== 1 || this.#prefixBytes > 0) this.#broken(`${this.#messages} messages, wanted 1`);
    else if (this.#compressed) this.#broken('a compressed message that was not asked for');
  }

  #broken(what: string): void {
    this.status = STATUS.internal;
    this.statusMessage = `the answer was OK with ${what}`;
  }
}
