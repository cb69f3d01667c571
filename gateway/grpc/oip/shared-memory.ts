import { GatewayError } from '../../core/error.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import { pathOf } from '../messages.js';

/**
 * The six RPCs on shared memory: UNIMPLEMENTED, status included, since an empty list of regions would say that some could be
 * registered. A client's tensors come in its messages.
 */
export function sharedMemoryMethods(): RpcMethod[] {
  const rpc = GRPCInferenceService.method;
  const system = [
    rpc.systemSharedMemoryStatus,
    rpc.systemSharedMemoryRegister,
    rpc.systemSharedMemoryUnregister,
  ];
  const cuda = [rpc.cudaSharedMemoryStatus, rpc.cudaSharedMemoryRegister, rpc.cudaSharedMemoryUnregister];
  return [...system, ...cuda].map((method) => ({
    kind: 'unary',
    path: pathOf(method),
    handler: async () => {
      const message = `${method.name} is not supported: this server has no shared memory with its clients; send tensors in the request, as raw_input_contents`;
      throw new GatewayError('UNIMPLEMENTED', message, { reason: 'bad_request' });
    },
  }));
}
