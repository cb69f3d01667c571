import { Cancellation } from '../core/cancellation.js';
import { GatewayError } from '../core/error.js';
import type { RpcStream, StreamHandler } from '../core/transport.js';
import { ANSWER_HEAD } from './answer-blocks.js';
import { asBuffer, deadlineError } from './call-host.js';
import { Exchange } from './exchange.js';
import { Framed } from './framed.js';
import { MessageQueue } from './message-queue.js';

/** Answers that may wait for the client to take them before its handler is held. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** What a message that waits takes beside its bytes. */
const MESSAGE_OVERHEAD_BYTES = 256;

/**
 * One streaming call, of either kind. It lasts until its handler is done, its client leaves, or its deadline passes; where the
 * client set none there is none: a health watch has no end.
 */
export class StreamExchange extends Exchange implements RpcStream {
  handler: StreamHandler | undefined;
  readonly closing = new Cancellation();
  readonly messages = new MessageQueue((message) => this.#taken(message));
  #begun = false;
  /** Of messages that wait to be taken. */
  #waitingBytes = 0;
  /** Bytes that the client may send again only when what waits has been taken. */
  #withheld = 0;
  /** Sends that wait for the client to take more. */
  readonly #senders: { resolve: () => void; reject: (error: GatewayError) => void }[] = [];

  override start(): void {
    super.start();
    if (this.over) return;
    try {
      this.handler?.(this, this).then(this.#onDone, this.#onThrown);
    } catch (thrown) {
      this.handlerFailed(thrown);
    }
  }

  /** Tells the handler that the server drains: no more messages, and nothing to wait for. */
  close(): void {
    this.messages.end();
    this.closing.cancel();
  }

  end(): void {
    if (this.reader.midway)
      this.fail(new GatewayError('INTERNAL', 'a message ends before its length'), this.#begun);
    else if (this.unpacking === 0) this.messages.end();
    else this.#endLater = true;
  }

  #endLater = false;

  send(message: Uint8Array): Promise<void> {
    if (this.over) return Promise.reject(callIsOver());
    let framed: Framed;
    try {
      framed = new Framed(asBuffer(message), this.host.limits.maxMessageBytes);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
    this.#begin();
    const bytes = Buffer.allocUnsafe(framed.byteLength);
    framed.copy(bytes, 0);
    this.stream.write(bytes);
    if (this.stream.queuedBytes <= MAX_QUEUED_BYTES) return Promise.resolve();
    return new Promise((resolve, reject) => this.#senders.push({ resolve, reject }));
  }

  drained(): void {
    for (const { resolve } of this.#senders.splice(0)) resolve();
  }

  override closed(): void {
    super.closed();
    this.messages.end();
  }

  /** Counted while it waits: a window full of tiny ones takes many times the window. */
  protected message(bytes: Buffer): void {
    const cost = bytes.length + MESSAGE_OVERHEAD_BYTES;
    this.host.limits.budget.take(cost);
    this.#waitingBytes += cost;
    this.messages.push(bytes);
  }

  protected unpacked(): void {
    if (this.#endLater && this.unpacking === 0) this.messages.end();
  }

  /** While a message waits, the client gets no more room: its window is the bound on what is buffered here. */
  protected override received(bytes: number): void {
    if (this.messages.waiting > 0) this.#withheld += bytes;
    else this.stream.consumed(bytes);
  }

  #taken(message: Uint8Array): void {
    const cost = message.length + MESSAGE_OVERHEAD_BYTES;
    // All was given back at once when the call ended.
    if (!this.over) {
      this.#waitingBytes -= cost;
      this.host.limits.budget.give(cost);
    }
    if (this.#withheld === 0 || this.messages.waiting > 0) return;
    const bytes = this.#withheld;
    this.#withheld = 0;
    if (!this.over) this.stream.consumed(bytes);
  }

  protected override finish(error?: GatewayError, at?: number): boolean {
    if (!super.finish(error, at)) return false;
    this.host.limits.budget.give(this.#waitingBytes);
    this.#waitingBytes = 0;
    for (const { reject } of this.#senders.splice(0)) reject(callIsOver());
    return true;
  }

  protected override fail(error: GatewayError, sent = this.#begun): void {
    super.fail(error, sent);
  }

  protected override expired(): void {
    this.fail(deadlineError());
    this.messages.end();
    this.cancellation.cancel();
  }

  readonly #onDone = (): void => {
    const at = this.trace === undefined ? 0 : this.host.clock.now();
    if (!this.finish(undefined, at)) return;
    this.#begin();
    this.stream.end(this.okTrailers(at));
  };

  /** After the client left, the handler's failing sends come here: nothing to tell anybody. */
  readonly #onThrown = (thrown: unknown): void => {
    if (!this.over) this.handlerFailed(thrown, this.#begun);
  };

  #begin(): void {
    if (this.#begun) return;
    this.#begun = true;
    this.stream.headers(ANSWER_HEAD);
  }
}

function callIsOver(): GatewayError {
  return new GatewayError('CANCELLED', 'the stream has ended', { reason: 'cancelled' });
}
