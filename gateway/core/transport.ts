import type { CallTrace } from './call-trace.js';
import type { Cancellation } from './cancellation.js';
import type { Deadline } from './deadline.js';

/** Header or metadata values by lower-case name; `-bin` values are bytes. */
export interface RpcHeaders {
  get(name: string): string | Uint8Array | undefined;
}

/** What every handler is told of its call. */
export interface RpcContext {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly headers: RpcHeaders;
  readonly peer: string;
  /** When the call had arrived, on the Clock's scale: the instant that its time counts from. */
  readonly arrivedAt: number;
  /** From `grpc-timeout`, clamped to the server's maximum; streams may have none (Infinity). */
  readonly deadline: Deadline;
  readonly cancellation: Cancellation;
  /** Where what becomes of it is noted. @default nowhere */
  readonly trace?: CallTrace | undefined;
}

/**
 * An answer that is written where the transport wants it, so that its bytes are copied once, into the frame. A Buffer is one.
 */
export interface Message {
  readonly byteLength: number;
  /** Writes all `byteLength` bytes into `target` from `offset` on. Called at most once. */
  copy(target: Buffer, offset: number): unknown;
}

/**
 * Message bytes in, a message out; a failure is thrown as a GatewayError. The handler has the body until it settles and its
 * answer was copied: then the transport may free the memory.
 */
export type UnaryHandler = (body: Uint8Array, context: RpcContext) => Promise<Message>;

/** A stream in either direction. Iterating ends at half-close, when the call is cancelled, and when the server drains. */
export interface RpcStream {
  readonly messages: AsyncIterable<Uint8Array>;
  /** Resolves when the transport will take more: await it, or buffers grow. Rejects with CANCELLED after the call's end. */
  send(message: Uint8Array): Promise<void>;
  /** Set when the server drains: a stream that could go on for ever should end. */
  readonly closing: Cancellation;
}

/** Ends the call OK when it resolves, and with its GatewayError when it rejects. */
export type StreamHandler = (stream: RpcStream, context: RpcContext) => Promise<void>;

/** One RPC method and its handler. */
export type RpcMethod =
  | {
      readonly kind: 'unary';
      readonly path: string;
      readonly handler: UnaryHandler;
      /** Calls of it are the load: they may be turned away unread when there are too many. @default false */
      readonly sheddable?: boolean;
    }
  | {
      readonly kind: 'server-stream' | 'bidi-stream';
      readonly path: string;
      readonly handler: StreamHandler;
    };

/** A server of RPCs. */
export interface Transport {
  /** Resolves to the bound port. Rejects with a GatewayError whose message names the address. */
  listen(): Promise<number>;
  /** Refuses new calls; resolves when all calls in flight have ended. */
  drain(): Promise<void>;
  /** Cuts what is left. */
  close(): void;
}
