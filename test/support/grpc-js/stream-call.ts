import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import { GatewayError } from '../../../gateway/core/error.js';
import type { RpcStream, StreamHandler } from '../../../gateway/core/transport.js';
import { asBuffer, type CallHost, handlerError } from '../../../gateway/grpc/call-host.js';
import { CallContext } from './call-context.js';
import { toCallStatus } from './call-status.js';
import { Inbox } from './inbox.js';

type GrpcStream = ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>;

/**
 * One streaming call, from either kind. It lasts until its handler is done or its client leaves; grpc-js ends it at the
 * client's own deadline, and no other is set: a health watch has none.
 */
export class StreamCall implements RpcStream {
  readonly messages: Inbox;
  readonly closing = new Cancellation();
  readonly #call: GrpcStream;
  readonly #host: CallHost;
  readonly #context: CallContext;
  readonly #onEnd: (call: StreamCall) => void;
  #over = false;
  /** Of the sends that wait for the client to take more: grpc-js forgets them when the call ends. */
  readonly #rejectSends = new Set<(error: GatewayError) => void>();

  constructor(call: GrpcStream, host: CallHost, onEnd: (call: StreamCall) => void) {
    this.#call = call;
    this.#host = host;
    this.#onEnd = onEnd;
    this.#context = new CallContext(call, host.clock.now(), Number.POSITIVE_INFINITY);
    this.messages = new Inbox('request' in call ? call.request : call);
    call.on('cancelled', this.#onCancelled);
  }

  run(handler: StreamHandler): void {
    try {
      handler(this, this.#context).then(this.#onDone, this.#onThrown);
    } catch (thrown) {
      this.#onThrown(thrown);
    }
  }

  /** Tells the handler that the server drains: no more messages, and nothing to wait for. */
  close(): void {
    this.messages.end();
    this.closing.cancel();
  }

  send(message: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#over) return reject(callIsOver());
      this.#rejectSends.add(reject);
      // grpc-js calls back when the message is with the socket, so that a slow reader holds its sender.
      this.#call.write(asBuffer(message), () => {
        this.#rejectSends.delete(reject);
        resolve();
      });
    });
  }

  readonly #onDone = (): void => {
    if (!this.#finish()) return;
    this.#call.end();
  };

  readonly #onThrown = (thrown: unknown): void => {
    // After the client left, the handler's failing sends come here: nothing to tell anybody.
    const left = this.#over;
    if (!this.#finish() || left) return;
    this.#call.emit('error', toCallStatus(handlerError(thrown, this.#context.path, this.#host.logger)));
  };

  /** At the end of every call, those that ended well included. */
  readonly #onCancelled = (): void => {
    if (!this.#finish()) return;
    this.#context.cancellation.cancel();
    this.messages.end();
    for (const reject of this.#rejectSends) reject(callIsOver());
  };

  /** False when it had ended before. */
  #finish(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#onEnd(this);
    return true;
  }
}

function callIsOver(): GatewayError {
  return new GatewayError('CANCELLED', 'the stream has ended', { reason: 'cancelled' });
}
