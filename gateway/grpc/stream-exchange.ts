import { Cancellation } from '../core/cancellation.js';
import { GatewayError } from '../core/error.js';
import type { RpcStream, StreamHandler } from '../core/transport.js';
import { ANSWER_HEAD, TRAILERS_OK } from './answer-blocks.js';
import { deadlineError } from './call-host.js';
import { Exchange } from './exchange.js';
import { MessageQueue } from './message-queue.js';
import { PREFIX_BYTES } from './message-reader.js';

/** Answers that may wait for the client to take them before its handler is held. */
const MAX_QUEUED_BYTES = 64 * 1024;

/**
 * One streaming call, of either kind. It lasts until its handler is done, its client leaves, or its deadline passes; where the
 * client set none there is none: a health watch has no end.
 */
export class StreamExchange extends Exchange implements RpcStream {
  handler: StreamHandler | undefined;
  readonly closing = new Cancellation();
  readonly messages = new MessageQueue(() => this.#taken());
  #begun = false;
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
    const { maxMessageBytes } = this.host.limits;
    if (message.length > maxMessageBytes) {
      const text = `Sent message larger than max (${message.length} vs. ${maxMessageBytes})`;
      return Promise.reject(new GatewayError('RESOURCE_EXHAUSTED', text));
    }
    this.#begin();
    const bytes = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
    bytes[0] = 0;
    bytes.writeUInt32BE(message.length, 1);
    bytes.set(message, PREFIX_BYTES);
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

  protected message(bytes: Buffer): void {
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

  #taken(): void {
    if (this.#withheld === 0 || this.messages.waiting > 0) return;
    const bytes = this.#withheld;
    this.#withheld = 0;
    if (!this.over) this.stream.consumed(bytes);
  }

  protected override finish(): boolean {
    if (!super.finish()) return false;
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
    if (!this.finish()) return;
    this.#begin();
    this.stream.end(TRAILERS_OK);
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
