import { Cancellation } from '../../core/cancellation.js';
import type { Clock } from '../../core/clock.js';
import type { Deadline, DeadlineWheel } from '../../core/deadline.js';
import { GatewayError } from '../../core/error.js';
import type { Infer, InferCall, InferResult } from '../../core/infer-call.js';
import type { RpcContext, RpcStream } from '../../core/transport.js';
import { DEADLINE_GRACE_MS, deadlineError } from '../call-host.js';
import { decodeInferRequest, type InferRequest } from '../oip-codec.js';
import { readRequestId } from '../request-id.js';
import { encodeStreamAnswer, encodeStreamError } from '../stream-response.js';
import { toInferCall } from './infer-call.js';

/** What the streams of a server share. */
export interface InferStreamHost {
  readonly infer: Infer;
  readonly clock: Clock;
  readonly wheel: DeadlineWheel;
  /** Longest time that one request may take, whatever the stream's own deadline. */
  readonly maxDeadlineMs: number;
  /** Most requests of one stream that are taken and not answered; more are left with the client. */
  readonly maxInFlight: number;
  /** Largest answer, in bytes. */
  readonly maxMessageBytes: number;
}

/** What one stream holds in requests that run and answers that wait for the client to read, before it reads no more (FAULTS A12). */
const MAX_HELD_BYTES = 8 * 1024 * 1024;

/** How a request ended: with the bytes to send, or with what ends the whole stream. */
type Outcome = { readonly bytes: Buffer } | { readonly thrown: unknown };

/** A request that was taken and whose answer is not sent. */
interface Pending {
  readonly cancellation: Cancellation;
  readonly outcome: Promise<Outcome>;
  /** Of the request while it runs, then of its answer. */
  heldBytes: number;
}

/**
 * One ModelStreamInfer call: requests are taken as they come and run at the same time; answers leave one by one in the order of
 * the requests. What fails is told within the stream, under the request's id; only what cannot be parsed ends it.
 */
export class InferStream {
  readonly #host: InferStreamHost;
  readonly #stream: RpcStream;
  readonly #context: RpcContext;
  readonly #caller: string;
  /** Triton's header with which a client asks that the first error end the stream, with its code. */
  readonly #errorsEndIt: boolean;
  /** In the order of their requests. */
  readonly #pending: Pending[] = [];
  #heldBytes = 0;
  #reading = true;
  #drained = false;
  #over = false;
  #wakeReader: () => void = () => {};
  #wakeWriter: () => void = () => {};

  constructor(host: InferStreamHost, stream: RpcStream, context: RpcContext, caller: string) {
    this.#host = host;
    this.#stream = stream;
    this.#context = context;
    this.#caller = caller;
    this.#errorsEndIt = context.headers.get('triton_grpc_error') === 'true';
  }

  /** Resolves when the client has sent its last request and got its last answer; rejects with what ends the stream otherwise. */
  async run(): Promise<void> {
    this.#context.cancellation.listen(this.#onCancelled);
    void this.#read();
    try {
      await this.#write();
    } finally {
      this.#over = true;
      this.#wakeReader();
      for (const { cancellation } of this.#pending) cancellation.cancel();
    }
  }

  /** At its own deadline the stream is not given up by its client: its calls see the deadline themselves, and say so. */
  readonly #onCancelled = (): void => {
    if (this.#host.clock.now() >= this.#context.deadline - 1) return;
    for (const { cancellation } of this.#pending) cancellation.cancel();
  };

  async #read(): Promise<void> {
    for await (const body of this.#stream.messages) {
      if (this.#over || !this.#take(body)) break;
      // Not before there is room is the next message asked for: until then the transport holds it back.
      while (this.#full && !this.#over) {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
    this.#drained = this.#stream.closing.cancelled;
    this.#reading = false;
    this.#wakeWriter();
  }

  get #full(): boolean {
    return this.#pending.length >= this.#host.maxInFlight || this.#heldBytes >= MAX_HELD_BYTES;
  }

  async #write(): Promise<void> {
    for (;;) {
      const head = this.#pending[0];
      if (head === undefined) {
        if (!this.#reading) break;
        await new Promise<void>((resolve) => {
          this.#wakeWriter = resolve;
        });
        continue;
      }
      const outcome = await head.outcome;
      if ('thrown' in outcome) throw outcome.thrown;
      await this.#stream.send(outcome.bytes);
      this.#pending.shift();
      this.#heldBytes -= head.heldBytes;
      this.#wakeReader();
    }
    // OK would tell the client that its last request was answered, which nobody knows here.
    if (this.#drained) throw drained();
  }

  /** Starts the request of a message; false when the message ends the stream. */
  #take(body: Uint8Array): boolean {
    const cancellation = new Cancellation();
    let goesOn = true;
    let outcome: Promise<Outcome>;
    try {
      outcome = this.#start(decodeInferRequest(body), body.length, cancellation);
    } catch (thrown) {
      const refusal = this.#refuse(body, thrown);
      const now = this.#host.clock.now();
      this.#context.trace?.request(now).end(now, GatewayError.from(thrown));
      goesOn = !('thrown' in refusal);
      outcome = Promise.resolve(refusal);
    }
    const pending: Pending = { cancellation, outcome, heldBytes: body.length };
    this.#pending.push(pending);
    this.#heldBytes += body.length;
    void outcome.then((end) => this.#settled(pending, end));
    this.#wakeWriter();
    return goesOn;
  }

  #start(request: InferRequest, messageBytes: number, cancellation: Cancellation): Promise<Outcome> {
    const { clock, wheel, maxDeadlineMs } = this.#host;
    const { id } = request;
    const arrivedAt = clock.now();
    const deadline: Deadline = Math.min(this.#context.deadline, arrivedAt + maxDeadlineMs);
    const call = toInferCall(
      request,
      messageBytes,
      this.#caller,
      arrivedAt,
      deadline,
      cancellation,
      this.#context.headers,
      this.#context.trace?.request(arrivedAt),
      this.#context.peer,
    );
    return new Promise((resolve) => {
      // Like a unary call's: for layers within that do not keep the deadline.
      const expiry = wheel.add(deadline + DEADLINE_GRACE_MS, () => {
        const late = deadlineError();
        resolve(this.#failed(late, id));
        call.trace?.end(clock.now(), late);
        cancellation.cancel();
      });
      void this.#run(call).then((outcome) => {
        wheel.remove(expiry);
        resolve(outcome);
      });
    });
  }

  async #run(call: InferCall): Promise<Outcome> {
    try {
      const outcome = this.#answered(await this.#host.infer(call));
      call.trace?.end(this.#host.clock.now());
      return outcome;
    } catch (thrown) {
      call.trace?.end(this.#host.clock.now(), GatewayError.from(thrown));
      return this.#failed(thrown, call.id);
    }
  }

  #answered(result: InferResult): Outcome {
    const { maxMessageBytes } = this.#host;
    const bytes = encodeStreamAnswer(result);
    if (bytes.length <= maxMessageBytes) return { bytes };
    const message = `the answer has ${bytes.length} bytes, more than the ${maxMessageBytes} that a message may have`;
    throw new GatewayError('RESOURCE_EXHAUSTED', message);
  }

  /** What is wrong with a request is told within the stream, but not that it was none: after that nothing is sure. */
  #refuse(body: Uint8Array, thrown: unknown): Outcome {
    if (!(thrown instanceof GatewayError) || thrown.code === 'INTERNAL') return { thrown };
    try {
      return this.#failed(thrown, readRequestId(body));
    } catch (malformed) {
      return { thrown: malformed };
    }
  }

  /** What is no GatewayError is a bug: it ends the stream, and the transport logs it. */
  #failed(thrown: unknown, id: string): Outcome {
    if (this.#errorsEndIt || !(thrown instanceof GatewayError)) return { thrown };
    return { bytes: encodeStreamError(thrown.message, id) };
  }

  #settled(pending: Pending, outcome: Outcome): void {
    const bytes = 'bytes' in outcome ? outcome.bytes.length : 0;
    this.#heldBytes += bytes - pending.heldBytes;
    pending.heldBytes = bytes;
    this.#wakeReader();
  }
}

function drained(): GatewayError {
  const message =
    'the server is draining and takes no more requests of this stream: send those without an answer to another replica, or later';
  return new GatewayError('UNAVAILABLE', message, { reason: 'draining' });
}
