import type { ModelCatalog } from '../core/catalog.js';
import type { LogSwitches } from '../core/log-switches.js';
import type { Logger } from '../core/logger.js';
import type { ModelControl } from '../core/model-control.js';
import type { StatisticsSource } from '../core/statistics.js';
import type { TraceControl } from '../core/trace-settings.js';
import type { RpcMethod } from '../core/transport.js';
import { modelInfer } from './oip/infer.js';
import { logSettings } from './oip/log-settings.js';
import { modelMethods } from './oip/model.js';
import { modelConfigMethod } from './oip/model-config.js';
import { repositoryMethods } from './oip/repository.js';
import type { RuntimeSettings } from './oip/runtime-settings.js';
import { type ServerMethodsOptions, serverMethods } from './oip/server.js';
import { sharedMemoryMethods } from './oip/shared-memory.js';
import { type HeldBytes, modelStatistics } from './oip/statistics.js';
import { modelStreamInfer, type StreamInferOptions } from './oip/stream-infer.js';
import { traceSetting } from './oip/trace-setting.js';

export interface OipServiceOptions extends ServerMethodsOptions, StreamInferOptions {
  readonly catalog: ModelCatalog;
  readonly statistics: StatisticsSource;
  /** Bytes that a version takes on all its workers; undefined where that is not known. @default not known */
  readonly heldBytes?: HeldBytes;
  readonly tracing: TraceControl;
  /** Loads and unloads by call. */
  readonly models: ModelControl;
  /** Whether they are made on this listener. @default false */
  readonly allowModelControl?: boolean;
  /** @default logs cannot be asked about */
  readonly logSwitches?: LogSwitches | undefined;
  /** Whether calls may change settings of logs and traces. @default false */
  readonly allowRuntimeSettings?: boolean;
  readonly logger: Logger;
}

/** The methods of `inference.GRPCInferenceService`, all of them, each group in a file of its own under oip/. */
export function oipMethods(options: OipServiceOptions): RpcMethod[] {
  const { infer, catalog, statistics, tracing, logSwitches, logger } = options;
  const runtime: RuntimeSettings = { allowed: options.allowRuntimeSettings ?? false, logger };
  return [
    ...serverMethods(options),
    ...modelMethods(catalog),
    modelConfigMethod(catalog),
    ...repositoryMethods({ ...options, allowed: options.allowModelControl ?? false }),
    modelInfer(infer, options.callerKey),
    modelStreamInfer(options),
    modelStatistics(catalog, statistics, options.heldBytes),
    traceSetting(catalog, tracing, runtime),
    logSettings(logSwitches, runtime),
    ...sharedMemoryMethods(),
  ];
}
