import type { DescMethod } from '@bufbuild/protobuf';
import type { ModelCatalog } from '../core/catalog.js';
import { GatewayError } from '../core/error.js';
import type { RpcMethod } from '../core/transport.js';
import { ModelService } from '../gen/tensorflow_serving/apis/model_service_pb.js';
import { pathOf } from './messages.js';
import { modelMetadata } from './tfs/model-metadata.js';
import { modelStatus } from './tfs/model-status.js';
import { type PredictOptions, predict } from './tfs/predict.js';
import { taskMethods } from './tfs/tasks.js';

export interface TfsServiceOptions extends PredictOptions {
  readonly catalog: Pick<ModelCatalog, 'describe' | 'list'>;
}

/** The methods of `tensorflow.serving.PredictionService` and `ModelService`, each group in a file of its own under tfs/. */
export function tfsMethods(options: TfsServiceOptions): RpcMethod[] {
  const { catalog } = options;
  const never = [ModelService.method.handleReloadConfigRequest];
  return [
    predict(options),
    ...taskMethods(options),
    modelMetadata(catalog),
    modelStatus(catalog),
    ...never.map(refused),
  ];
}

/** Known, and answered UNIMPLEMENTED. */
function refused(method: DescMethod): RpcMethod {
  const refuse = async (): Promise<never> => {
    throw new GatewayError('UNIMPLEMENTED', `${method.name} is not supported`, { reason: 'bad_request' });
  };
  return { kind: 'unary', path: pathOf(method), handler: refuse };
}
