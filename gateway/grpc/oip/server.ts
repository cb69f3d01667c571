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
}

/** Protocol extensions that are implemented; none of Triton's is yet as a whole. */
const EXTENSIONS: readonly string[] = [];

/** What is asked of the server as a whole: ServerLive, ServerReady, ServerMetadata. */
export function serverMethods(options: ServerMethodsOptions): RpcMethod[] {
  const { serverId = 'sluice', version } = options;
  const rpc = GRPCInferenceService.method;
  return [
    unaryMethod(rpc.serverLive, () => ({ live: options.live() })),
    unaryMethod(rpc.serverReady, () => ({ ready: options.serverReady() })),
    unaryMethod(rpc.serverMetadata, () => ({ name: serverId, version, extensions: [...EXTENSIONS] })),
  ];
}
