import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { reflect } from '@bufbuild/protobuf/reflect';
import type { FastifyRequest } from 'fastify';
import { GatewayError } from '../../core/error.js';
import type { RpcMethod, UnaryHandler } from '../../core/transport.js';
import { type CallContextOptions, contextOf } from '../call/call-context.js';
import { plainJson } from './plain-json.js';

type Unary<I extends DescMessage, O extends DescMessage> = DescMethod & {
  readonly methodKind: 'unary';
  readonly input: I;
  readonly output: O;
};

/**
 * Asks the handlers of RPCs on behalf of HTTP requests: what is told over HTTP is what is told over gRPC, refused for the same reasons and
 * audited in the same place. Not for inference, which is too frequent for it.
 */
export class RpcBridge {
  readonly #handlers: ReadonlyMap<string, UnaryHandler>;
  readonly #options: CallContextOptions;

  constructor(methods: readonly RpcMethod[], options: CallContextOptions) {
    this.#handlers = new Map(
      methods.flatMap((method) => (method.kind === 'unary' ? [[method.path, method.handler] as const] : [])),
    );
    this.#options = options;
  }

  /** Rejects with what the handler rejects with, UNIMPLEMENTED where there is none. */
  async ask<I extends DescMessage, O extends DescMessage>(
    request: FastifyRequest,
    method: Unary<I, O>,
    message: MessageInitShape<I>,
  ): Promise<MessageShape<O>> {
    const path = `/${method.parent.typeName}/${method.name}`;
    const handler = this.#handlers.get(path);
    if (handler === undefined) throw new GatewayError('UNIMPLEMENTED', `this server does not serve ${path}`);
    const body = toBinary(method.input, create(method.input, message));
    const answer = await handler(body, contextOf(request, path, this.#options));
    const bytes = Buffer.allocUnsafe(answer.byteLength);
    answer.copy(bytes, 0);
    return fromBinary(method.output, bytes);
  }

  /** The answer as Triton's HTTP front end writes it. */
  async tell<I extends DescMessage, O extends DescMessage>(
    request: FastifyRequest,
    method: Unary<I, O>,
    message: MessageInitShape<I>,
  ): Promise<{ readonly [name: string]: unknown }> {
    return plainJson(reflect(method.output, await this.ask(request, method, message)));
  }
}
