import type { Metadata } from '@grpc/grpc-js';
import { Cancellation } from '../../../gateway/core/cancellation.js';
import type { Deadline } from '../../../gateway/core/deadline.js';
import type { RpcContext, RpcHeaders } from '../../../gateway/core/transport.js';

/** The part of a grpc-js call that a context is made from. */
export interface CallInfo {
  readonly metadata: Metadata;
  getPath(): string;
  getPeer(): string;
  /** Wall-clock milliseconds; Infinity when the client sent no `grpc-timeout`. */
  getDeadline(): Date | number;
}

/** One call's RpcContext. What few handlers ask for (headers, peer) is looked up when asked. */
export class CallContext implements RpcContext, RpcHeaders {
  readonly path: string;
  readonly arrivedAt: number;
  readonly deadline: Deadline;
  readonly cancellation = new Cancellation();
  readonly #call: CallInfo;

  /** `maxDurationMs` bounds the deadline, also where the client gave none; Infinity for streams. */
  constructor(call: CallInfo, arrivedAt: number, maxDurationMs: number) {
    this.#call = call;
    this.path = call.getPath();
    this.arrivedAt = arrivedAt;
    this.deadline = arrivedAt + Math.min(maxDurationMs, remainingMs(call.getDeadline()));
  }

  get headers(): RpcHeaders {
    return this;
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  /** A header's first value. */
  get(name: string): string | Uint8Array | undefined {
    return this.#call.metadata.get(name)[0];
  }
}

/** The wall clock is left behind here, so that its jumps move no deadline later. */
function remainingMs(deadline: Date | number): number {
  return deadline === Number.POSITIVE_INFINITY ? deadline : Number(deadline) - Date.now();
}
