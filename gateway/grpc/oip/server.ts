import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { unaryMethod } from '../messages.js';

export interface ServerMethodsOptions {
  readonly live: () => boolean;
  readonly serverReady: () => boolean;
  /** ServerMetadata's name. @default 'sluice' */
  readonly serverId?: string;
  /** ServerMetadata's version: the package's. */
  readonly version: string;
  /** Largest request and answer, which clients are told. @default not told */
  readonly maxMessageBytes?: number;
}

/** Triton's protocol extensions that are implemented. */
const EXTENSIONS: readonly string[] = [
  'classification',
  'model_repository',
  'model_configuration',
  'statistics',
  'logging',
  'trace',
];

/** What is asked of the server as a whole: ServerLive, ServerReady, ServerMetadata. */
export function serverMethods(options: ServerMethodsOptions): RpcMethod[] {
  const { serverId = 'sluice', version, maxMessageBytes } = options;
  // The protocol has no field for it; a client that does not know the name takes it for one more extension.
  const limits = maxMessageBytes === undefined ? [] : [`max_message_bytes=${maxMessageBytes}`];
  const rpc = GRPCInferenceService.method;
  return [
    unaryMethod(rpc.serverLive, () => ({ live: options.live() })),
    unaryMethod(rpc.serverReady, () => ({ ready: options.serverReady() })),
    unaryMethod(rpc.serverMetadata, () => ({
      name: serverId,
      version,
      extensions: [...EXTENSIONS, ...limits],
    })),
  ];
}
