import type { TestContext } from 'node:test';
import { systemClock } from '../../gateway/core/clock.js';
import { silentLogger } from '../../gateway/core/logger.js';
import type { RpcContext, RpcMethod, Transport, UnaryHandler } from '../../gateway/core/transport.js';
import { asBuffer } from '../../gateway/grpc/call-host.js';
import { GrpcTransport } from '../../gateway/grpc/grpc-transport.js';
import type { GrpcTransportOptions } from '../../gateway/grpc/transport-options.js';
import { GrpcJsTransport } from './grpc-js/transport.js';
import { RawClient } from './raw-grpc.js';

export const ECHO = '/test.Echo/Call';
export const hello = Buffer.from('hello');

export const unary = (handler: UnaryHandler, path = ECHO): RpcMethod => ({ kind: 'unary', path, handler });
export const echo = unary(async (body) => asBuffer(body));

/** Both transports: whatever the one does, the other does too, unless a test says why not. */
export const TRANSPORTS = { http2: GrpcTransport, 'grpc-js': GrpcJsTransport } as const;

/** A transport on a free port and a raw client of it; both end with the test. */
export async function start(
  t: TestContext,
  methods: readonly RpcMethod[],
  options: Partial<GrpcTransportOptions> = {},
  kind: keyof typeof TRANSPORTS = 'http2',
): Promise<{ transport: Transport; client: RawClient; port: number }> {
  const transport = new TRANSPORTS[kind]({
    address: '127.0.0.1:0',
    methods,
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  const port = await transport.listen();
  const client = new RawClient(port);
  t.after(() => {
    client.close();
    transport.close();
  });
  return { transport, client, port };
}

/** A handler's promise that the test settles, and what the handler was told. */
export function gate(): {
  handler: UnaryHandler;
  context: Promise<RpcContext>;
  answer: (body: Buffer) => void;
} {
  let answer: (body: Buffer) => void = () => {};
  let told: (context: RpcContext) => void = () => {};
  const result = new Promise<Buffer>((resolve) => {
    answer = resolve;
  });
  const context = new Promise<RpcContext>((resolve) => {
    told = resolve;
  });
  return {
    handler: (_, given) => {
      told(given);
      return result;
    },
    context,
    answer,
  };
}
