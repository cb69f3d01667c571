import type { DescMethod } from '@bufbuild/protobuf';
import type { ModelCatalog } from '../core/catalog.js';
import { GatewayError } from '../core/error.js';
import type { LogSwitches } from '../core/log-switches.js';
import type { Logger } from '../core/logger.js';
import type { StatisticsSource } from '../core/statistics.js';
import type { TraceControl } from '../core/trace-settings.js';
import type { RpcMethod } from '../core/transport.js';
import { GRPCInferenceService } from '../gen/inference/grpc_service_pb.js';
import { pathOf } from './messages.js';
import { modelInfer } from './oip/infer.js';
import { logSettings } from './oip/log-settings.js';
import { modelMethods } from './oip/model.js';
import { modelConfigMethod } from './oip/model-config.js';
import { repositoryMethods } from './oip/repository.js';
import type { RuntimeSettings } from './oip/runtime-settings.js';
import { type ServerMethodsOptions, serverMethods } from './oip/server.js';
import { sharedMemoryMethods } from './oip/shared-memory.js';
import { modelStatistics } from './oip/statistics.js';
import { modelStreamInfer, type StreamInferOptions } from './oip/stream-infer.js';
import { traceSetting } from './oip/trace-setting.js';

export interface OipServiceOptions extends ServerMethodsOptions, StreamInferOptions {
  readonly catalog: ModelCatalog;
  readonly statistics: StatisticsSource;
  readonly tracing: TraceControl;
  /** @default logs cannot be asked about */
  readonly logSwitches?: LogSwitches | undefined;
  /** Whether calls may change settings of logs and traces. @default false */
  readonly allowRuntimeSettings?: boolean;
  readonly logger: Logger;
}

/**
 * The methods of `inference.GRPCInferenceService`, each group in a file of its own under oip/. Those not served yet answer
 * UNIMPLEMENTED and say so.
 */
export function oipMethods(options: OipServiceOptions): RpcMethod[] {
  const { infer, catalog, statistics, tracing, logSwitches, logger } = options;
  const runtime: RuntimeSettings = { allowed: options.allowRuntimeSettings ?? false, logger };
  const served = new Map(
    [
      ...serverMethods(options),
      ...modelMethods(catalog),
      modelConfigMethod(catalog),
      ...repositoryMethods(catalog),
      modelInfer(infer),
      modelStreamInfer(options),
      modelStatistics(catalog, statistics),
      traceSetting(catalog, tracing, runtime),
      logSettings(logSwitches, runtime),
      ...sharedMemoryMethods(),
    ].map((method) => [method.path, method]),
  );
  return GRPCInferenceService.methods.map((method) => served.get(pathOf(method)) ?? unimplemented(method));
}

function unimplemented(method: DescMethod): RpcMethod {
  const path = pathOf(method);
  const refuse = async (): Promise<never> => {
    throw new GatewayError('UNIMPLEMENTED', `${method.name} is not supported by this server`);
  };
  return method.methodKind === 'unary'
    ? { kind: 'unary', path, handler: refuse }
    : { kind: 'bidi-stream', path, handler: refuse };
}
