import type { ServerResponse } from 'node:http';
import { Cancellation } from '../../core/cancellation.js';
import { GatewayError } from '../../core/error.js';

export interface HttpCallsOptions {
  /** Requests that may be under way at once; more are refused with UNAVAILABLE. */
  readonly maxOpenCalls: number;
  /** Bytes of the bodies of all requests under way; one that comes beside more is refused with UNAVAILABLE. */
  readonly maxHeldBytes: number;
}

/** A request under way: it counts until its answer has left, or its client. */
export class HttpCall {
  /** Set when the client leaves before it has its answer. */
  readonly cancellation = new Cancellation();
  readonly #calls: HttpCalls;
  #heldBytes = 0;

  constructor(calls: HttpCalls, response: ServerResponse) {
    this.#calls = calls;
    // Closed once: `once` would wrap the listener.
    response.on('close', () => {
      if (!response.writableEnded) this.cancellation.cancel();
      calls.ended(this.#heldBytes);
    });
  }

  /** So many bytes more of it are in memory. Throws UNAVAILABLE where there is no room for them. */
  hold(bytes: number): void {
    this.#calls.hold(bytes);
    this.#heldBytes += bytes;
  }
}

/** Counts the requests that do work, and bounds what they hold; probes and scrapes are none of them. */
export class HttpCalls {
  readonly #options: HttpCallsOptions;
  #open = 0;
  #heldBytes = 0;
  #drained: (() => void) | undefined;
  #draining = false;

  constructor(options: HttpCallsOptions) {
    this.#options = options;
  }

  /** Takes a request in. Throws UNAVAILABLE when there are too many, and when the server drains. */
  begin(response: ServerResponse): HttpCall {
    if (this.#draining)
      throw new GatewayError('UNAVAILABLE', 'the server is shutting down', {
        reason: 'draining',
        retryAfterMs: 1000,
      });
    const { maxOpenCalls } = this.#options;
    if (this.#open >= maxOpenCalls)
      throw new GatewayError(
        'UNAVAILABLE',
        `the server has as many calls as it takes over HTTP, at most ${maxOpenCalls}`,
        {
          reason: 'queue_full',
          retryAfterMs: 1000,
        },
      );
    this.#open++;
    return new HttpCall(this, response);
  }

  /** For HttpCall alone. */
  hold(bytes: number): void {
    const { maxHeldBytes } = this.#options;
    // One that is alone fits, whatever the limit.
    if (this.#heldBytes > 0 && this.#heldBytes + bytes > maxHeldBytes)
      throw new GatewayError(
        'UNAVAILABLE',
        `the byte budget of requests over HTTP is used up, ${maxHeldBytes} bytes`,
        {
          reason: 'byte_budget',
          retryAfterMs: 1000,
        },
      );
    this.#heldBytes += bytes;
  }

  /** For HttpCall alone. */
  ended(heldBytes: number): void {
    this.#open--;
    this.#heldBytes -= heldBytes;
    if (this.#open === 0) this.#drained?.();
  }

  /** Takes no new requests; resolves when those under way have ended. */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      this.#drained = resolve;
    });
  }
}
