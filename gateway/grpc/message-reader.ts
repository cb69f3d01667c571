import { GatewayError } from '../core/error.js';
import { freeBuffer } from '../core/free-buffer.js';
import type { WireBudget } from './wire-budget.js';

/** Flag and length before every message (doc/PROTOCOL-HTTP2.md of github.com/grpc/grpc). */
export const PREFIX_BYTES = 5;
/** Memory that a message gets before its bytes have come; a larger one grows fourfold. */
const FIRST_BYTES = 2 ** 20;

/** What a server lets clients send. */
export interface ReceiveLimits {
  readonly maxMessageBytes: number;
  /** Shared by all calls. */
  readonly budget: WireBudget;
}

/** A message that is a smaller part than this of what came with it is copied: it must not keep all of that. */
const MIN_PART = 1 / 16;
/** What comes in smaller chunks is never worth a copy. */
const LARGE_CHUNK_BYTES = 16 * 1024;

/** Called for each message. */
type OnMessage = (message: Buffer, compressed: boolean) => void;

/**
 * Cuts a call's body into messages. One that came in one piece stays where it is; the bytes of others are collected, in memory
 * that grows with what has come, not with what was announced.
 */
export class MessageReader {
  readonly #limits: ReceiveLimits;
  readonly #onMessage: OnMessage;
  #head: Buffer | undefined;
  #headBytes = 0;
  #message: Buffer | undefined;
  #length = 0;
  #have = 0;
  #compressed = false;

  constructor(limits: ReceiveLimits, onMessage: OnMessage) {
    this.#limits = limits;
    this.#onMessage = onMessage;
  }

  /** A message has begun and is not complete. */
  get midway(): boolean {
    return this.#headBytes > 0 || this.#message !== undefined;
  }

  /**
   * Returns whether a view on `bytes` was handed on. Throws a GatewayError: RESOURCE_EXHAUSTED for a message over the limit,
   * before it is read, UNAVAILABLE over the budget, INTERNAL for a flag that there is not.
   */
  push(bytes: Buffer, start: number, end: number): boolean {
    let kept = false;
    let at = start;
    while (at < end) {
      if (this.#message !== undefined) {
        at = this.#collect(this.#message, bytes, at, end);
        continue;
      }
      const prefixAt = this.#prefix(bytes, at, end);
      if (prefixAt < 0) break;
      at = prefixAt;
      if (end - at >= this.#length) {
        const from = at;
        at += this.#length;
        const view = bytes.subarray(from, at);
        const copied = bytes.length >= LARGE_CHUNK_BYTES && this.#length < bytes.length * MIN_PART;
        if (!copied) kept = true;
        this.#onMessage(copied ? Buffer.from(view) : view, this.#compressed);
      } else this.#begin();
    }
    return kept;
  }

  /** The call is over: what was begun is forgotten. */
  stop(): void {
    if (this.#message !== undefined) this.#limits.budget.give(this.#have);
    this.#message = undefined;
    this.#headBytes = 0;
  }

  /** Reads the prefix; returns where it ends, or -1 when it is not complete. */
  #prefix(bytes: Buffer, at: number, end: number): number {
    if (this.#headBytes === 0 && end - at >= PREFIX_BYTES) {
      this.#announce(bytes, at);
      return at + PREFIX_BYTES;
    }
    this.#head ??= Buffer.allocUnsafe(PREFIX_BYTES);
    const taken = Math.min(end - at, PREFIX_BYTES - this.#headBytes);
    bytes.copy(this.#head, this.#headBytes, at, at + taken);
    this.#headBytes += taken;
    if (this.#headBytes < PREFIX_BYTES) return -1;
    this.#headBytes = 0;
    this.#announce(this.#head, 0);
    return at + taken;
  }

  #announce(bytes: Buffer, at: number): void {
    const flag = bytes[at] as number;
    this.#length = bytes.readUInt32BE(at + 1);
    if (flag > 1)
      throw new GatewayError('INTERNAL', `a message has the flag ${flag}, wanted 0, or 1 for compressed`);
    this.#compressed = flag === 1;
    const { maxMessageBytes } = this.#limits;
    if (this.#length > maxMessageBytes) {
      const message = `Received message larger than max (${this.#length} vs ${maxMessageBytes})`;
      throw new GatewayError('RESOURCE_EXHAUSTED', message, { reason: 'bad_request' });
    }
  }

  #begin(): void {
    this.#message = Buffer.allocUnsafeSlow(Math.min(this.#length, FIRST_BYTES));
    this.#have = 0;
  }

  #collect(message: Buffer, bytes: Buffer, at: number, end: number): number {
    const taken = Math.min(end - at, this.#length - this.#have);
    // What has come, not what was announced: to announce costs nothing, and would keep others out.
    this.#limits.budget.take(taken);
    let room = message;
    if (this.#have + taken > room.length) {
      room = Buffer.allocUnsafeSlow(Math.min(this.#length, Math.max(4 * room.length, this.#have + taken)));
      message.copy(room, 0, 0, this.#have);
      freeBuffer(message);
      this.#message = room;
    }
    bytes.copy(room, this.#have, at, at + taken);
    this.#have += taken;
    if (this.#have === this.#length) {
      this.stop();
      this.#onMessage(room, this.#compressed);
    }
    return at + taken;
  }
}
