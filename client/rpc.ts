import { Client, Metadata, type ServiceError } from '@grpc/grpc-js';
import type { Secured } from './connect-fault.js';
import { type Contract, loadContract } from './contract.js';
import { quoted } from './describe.js';
import { SluiceClientError } from './error.js';
import {
  type ClientOptions,
  channelOptionsOf,
  credentialsOf,
  DEFAULT_ADDRESS,
  DEFAULT_DEADLINE_MS,
  targetOf,
  tokenHeader,
} from './options.js';
import { errorFromStatus } from './status.js';
import type { WireMethods } from './wire.js';

/** What every call can be told. */
export interface CallOptions {
  /** Milliseconds until nobody waits any more: sent to the server, which then does not run the request. @default the client's */
  readonly deadlineMs?: number | undefined;
  /** Cancels the call, also on the server. The call then rejects with CANCELLED, the signal's reason as its cause. */
  readonly signal?: AbortSignal | undefined;
  /** Sent with this call, over those of the client. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Call options with the deadline as an instant, so that all parts of one call share it. */
export interface RpcOptions {
  /** Milliseconds since the epoch, as grpc-js wants it; Infinity for none. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
  readonly headers: Readonly<Record<string, string>> | undefined;
}

/** One channel and the unary calls over it; turns every failure into a SluiceClientError. */
export class Rpc {
  readonly #address: string;
  readonly #client: Client;
  readonly #contract: Contract = loadContract();
  readonly #headers: Readonly<Record<string, string>>;
  readonly #token: ClientOptions['token'];
  readonly #secured: Secured;
  readonly #deadlineMs: number;
  #closed = false;

  constructor(options: ClientOptions) {
    this.#address = options.address ?? DEFAULT_ADDRESS;
    this.#headers = options.headers ?? {};
    this.#token = options.token;
    this.#secured = options.tls === undefined || options.tls === false ? 'plain' : 'tls';
    this.#deadlineMs = options.deadlineMs ?? DEFAULT_DEADLINE_MS;
    checkDeadline(this.#deadlineMs);
    try {
      this.#client = new Client(
        targetOf(this.#address),
        credentialsOf(options.tls),
        channelOptionsOf(options),
      );
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SluiceClientError('INVALID_ARGUMENT', `Cannot connect to ${quoted(this.#address)}: ${why}`, {
        cause,
      });
    }
  }

  /** Fixes the deadline of a call that begins now. */
  begin(options: CallOptions): RpcOptions {
    const deadlineMs = options.deadlineMs ?? this.#deadlineMs;
    checkDeadline(deadlineMs);
    const deadline = deadlineMs > MAX_DEADLINE_MS ? Number.POSITIVE_INFINITY : Date.now() + deadlineMs;
    return { deadline, signal: options.signal, headers: options.headers };
  }

  /** One unary call. */
  call<Name extends keyof WireMethods>(
    name: Name,
    request: WireMethods[Name]['request'],
    options: RpcOptions,
  ): Promise<WireMethods[Name]['response']> {
    type Response = WireMethods[Name]['response'];
    return new Promise<Response>((resolve, reject) => {
      if (this.#closed)
        return reject(new SluiceClientError('CANCELLED', 'Cannot call: this client is closed'));
      const { signal } = options;
      if (signal?.aborted) return reject(aborted(signal));
      const { path, serialize, deserialize } = this.#contract.method(name);
      let answered = false;
      const done = (error: ServiceError | null, response?: Response): void => {
        signal?.removeEventListener('abort', cancel);
        if (error !== null) reject(signal?.aborted ? aborted(signal) : this.#failure(error, answered));
        else resolve(response as Response);
      };
      const metadata = metadataOf({ ...tokenHeader(this.#token), ...this.#headers, ...options.headers });
      const deadline = options.deadline;
      const call = this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        metadata,
        { deadline },
        done,
      );
      call.on('metadata', () => {
        answered = true;
      });
      const cancel = (): void => call.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
    });
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }

  #failure(error: ServiceError, answered: boolean): SluiceClientError {
    return errorFromStatus(
      error,
      { address: this.#address, secured: this.#secured, answered },
      this.#contract,
    );
  }
}

/** The error of a call whose signal was aborted. */
export function aborted(signal: AbortSignal): SluiceClientError {
  return new SluiceClientError('CANCELLED', 'The call was aborted by its signal', { cause: signal.reason });
}

/** Beyond 99999999 hours, which is what fits into `grpc-timeout`, grpc-js rejects where nobody can catch it: none, then. */
const MAX_DEADLINE_MS = 99_999_998 * 3_600_000;

function checkDeadline(deadlineMs: number): void {
  if (deadlineMs > 0) return;
  throw new SluiceClientError('INVALID_ARGUMENT', `deadlineMs is ${deadlineMs}; wanted milliseconds above 0`);
}

function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) {
    try {
      metadata.set(name, value);
    } catch (cause) {
      throw new SluiceClientError(
        'INVALID_ARGUMENT',
        `Cannot send header ${quoted(name)}: not legal in gRPC`,
        // Its text has the value.
        name.toLowerCase() === 'authorization' ? {} : { cause },
      );
    }
  }
  return metadata;
}
