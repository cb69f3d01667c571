import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { DeadlineHandle } from '../../../gateway/core/deadline.js';
import type { GatewayError } from '../../../gateway/core/error.js';
import type { Message, UnaryHandler } from '../../../gateway/core/transport.js';
import {
  type CallHost,
  DEADLINE_GRACE_MS,
  deadlineError,
  handlerError,
} from '../../../gateway/grpc/call-host.js';
import { CallContext } from './call-context.js';
import { toCallStatus } from './call-status.js';

/** A unary handler as grpc-js calls one. */
export function serveUnary(handler: UnaryHandler, host: CallHost): handleUnaryCall<Buffer, Buffer> {
  return (call, respond) => new UnaryCall(call, respond, host).run(handler);
}

/**
 * One unary call: whatever the handler does, the client gets exactly one answer. grpc-js itself would put a second
 * message on the wire, and end the process for a rejection that nobody handles (FAULTS D75, D76).
 */
class UnaryCall {
  readonly #body: Buffer;
  readonly #respond: sendUnaryData<Buffer>;
  readonly #host: CallHost;
  readonly #context: CallContext;
  /** Nothing more can be sent: answered, or given up by the client. */
  #over = false;
  #expiry: DeadlineHandle | undefined;

  constructor(call: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>, host: CallHost) {
    this.#respond = respond;
    this.#host = host;
    this.#context = new CallContext(call, host.clock.now(), host.maxDeadlineMs);
    this.#body = call.request;
    call.on('cancelled', this.#onCancelled);
  }

  run(handler: UnaryHandler): void {
    const { arrivedAt, deadline } = this.#context;
    // Too late already: the model is not to be troubled.
    if (deadline <= arrivedAt) {
      this.#fail(deadlineError());
      return;
    }
    this.#expiry = this.#host.wheel.add(deadline + DEADLINE_GRACE_MS, this.#onExpiry);
    try {
      handler(this.#body, this.#context).then(this.#onAnswer, this.#onThrown);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  readonly #onAnswer = (message: Message): void => {
    this.#host.wheel.remove(this.#expiry);
    if (this.#over) {
      this.#host.recorder?.dropped('late_answer');
      return;
    }
    if (typeof message?.byteLength !== 'number') {
      this.#onThrown(new TypeError('a handler answered no message'));
      return;
    }
    this.#over = true;
    // grpc-js asks a message for its byteLength and tells it to copy itself into a frame: any Message will do.
    this.#send(() => this.#respond(null, message as Buffer));
  };

  readonly #onThrown = (thrown: unknown): void => {
    this.#host.wheel.remove(this.#expiry);
    const error = handlerError(thrown, this.#context.path, this.#host.logger);
    if (!this.#over) this.#fail(error);
  };

  readonly #onExpiry = (): void => {
    if (!this.#over) this.#fail(deadlineError());
    this.#context.cancellation.cancel();
  };

  /**
   * grpc-js says this at the end of every call, answered ones included. It also answers DEADLINE_EXCEEDED by itself and
   * then says this: such a call is not one that its client gave up, so it is left to the layers within, and to #onExpiry.
   */
  readonly #onCancelled = (): void => {
    if (this.#over) return;
    this.#over = true;
    if (this.#host.clock.now() >= this.#context.deadline - 1) return;
    this.#host.wheel.remove(this.#expiry);
    this.#context.cancellation.cancel();
  };

  #fail(error: GatewayError): void {
    this.#over = true;
    this.#send(() => this.#respond(toCallStatus(error)));
  }

  /** The connection may be gone at any moment: what grpc-js throws then concerns nobody. */
  #send(answer: () => void): void {
    try {
      answer();
    } catch (thrown) {
      this.#host.logger.warn({ err: thrown, path: this.#context.path }, 'an answer could not be sent');
    }
  }
}
