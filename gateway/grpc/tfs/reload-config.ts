import type { Logger } from '../../core/logger.js';
import { type ModelListControl, readModelList } from '../../core/tfs/model-list.js';
import type { RpcMethod } from '../../core/transport.js';
import {
  ReloadConfigRequestSchema,
  ReloadConfigResponseSchema,
} from '../../gen/tensorflow_serving/apis/model_management_pb.js';
import { ModelService } from '../../gen/tensorflow_serving/apis/model_service_pb.js';
import { asBuffer } from '../call-host.js';
import { refuseClosed } from '../closed-here.js';
import { parseMessage, pathOf, serializeMessage } from '../messages.js';

export interface ReloadOptions {
  readonly modelLists: ModelListControl;
  /** Whether calls may change what is served on this listener. @default false */
  readonly allowModelControl?: boolean;
  readonly logger: Pick<Logger, 'warn'>;
}

/** HandleReloadConfigRequest: another list of models, in one step, by the call's deadline. Of metrics it tells nothing. */
export function reloadConfig({ modelLists, allowModelControl = false, logger }: ReloadOptions): RpcMethod {
  const method = ModelService.method.handleReloadConfigRequest;
  return {
    kind: 'unary',
    path: pathOf(method),
    handler: async (body, { cancellation, peer }) => {
      if (!allowModelControl) refuseClosed(logger, method.name, { call: method.name, peer });
      const { config } = parseMessage(ReloadConfigRequestSchema, body);
      await modelLists.reload(readModelList(config ?? { config: { case: undefined } }), cancellation);
      return asBuffer(serializeMessage(ReloadConfigResponseSchema, { status: {} }));
    },
  };
}
