import { GatewayError } from '../core/error.js';
import type { Message, UnaryHandler } from '../core/transport.js';
import { ANSWER_HEAD } from './answer-blocks.js';
import { Exchange } from './exchange.js';
import { Framed } from './framed.js';

/** Answers up to this size are not counted: they go out at once, as a rule. */
const AT_ONCE_BYTES = 16 * 1024;

/** One unary call: a message comes in, the handler answers one, and whatever it does the client gets exactly one answer. */
export class UnaryExchange extends Exchange {
  handler: UnaryHandler | undefined;
  #body: Buffer | undefined;
  #ended = false;

  end(): void {
    this.#ended = true;
    if (this.over || this.unpacking > 0) return;
    const body = this.#body;
    if (this.reader.midway) this.fail(new GatewayError('INTERNAL', 'the message ends before its length'));
    else if (body === undefined)
      this.fail(
        new GatewayError('UNIMPLEMENTED', 'a unary call without a message', { reason: 'bad_request' }),
      );
    else this.#run(body);
  }

  protected message(bytes: Buffer): void {
    if (this.#body !== undefined)
      throw new GatewayError('UNIMPLEMENTED', 'a unary call with more than one message', {
        reason: 'bad_request',
      });
    this.#body = bytes;
    // Until the body's end, for which a client may let us wait.
    this.host.limits.budget.add(bytes.length);
  }

  protected override finish(error?: GatewayError, at?: number): boolean {
    if (!super.finish(error, at)) return false;
    this.#release();
    return true;
  }

  #release(): void {
    if (this.#body !== undefined) this.host.limits.budget.give(this.#body.length);
    this.#body = undefined;
  }

  protected unpacked(): void {
    if (this.#ended) this.end();
  }

  #run(body: Buffer): void {
    this.#release();
    try {
      this.handler?.(body, this).then(this.#onAnswer, this.#onThrown);
    } catch (thrown) {
      this.handlerFailed(thrown);
    }
  }

  readonly #onAnswer = (message: Message): void => {
    if (this.over) {
      this.host.recorder?.dropped('late_answer');
      return;
    }
    if (typeof message?.byteLength !== 'number') {
      this.handlerFailed(new TypeError('a handler answered no message'));
      return;
    }
    try {
      const { maxMessageBytes, budget } = this.host.limits;
      const framed = new Framed(message, maxMessageBytes);
      if (message.byteLength > AT_ONCE_BYTES) budget.check(message.byteLength);
      const at = this.trace === undefined ? 0 : this.host.clock.now();
      this.stream.respond(ANSWER_HEAD, framed, this.okTrailers(at));
      this.finish(undefined, at);
    } catch (thrown) {
      this.handlerFailed(thrown);
    }
  };

  readonly #onThrown = (thrown: unknown): void => {
    if (this.over) return;
    if (thrown instanceof GatewayError) this.host.failed(thrown.details.reason);
    this.handlerFailed(thrown);
  };
}
