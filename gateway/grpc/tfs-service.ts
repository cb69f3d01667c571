import type { ModelCatalog } from '../core/catalog.js';
import type { RpcMethod } from '../core/transport.js';
import { modelMetadata } from './tfs/model-metadata.js';
import { modelStatus } from './tfs/model-status.js';
import { type PredictOptions, predict } from './tfs/predict.js';
import { type ReloadOptions, reloadConfig } from './tfs/reload-config.js';
import { taskMethods } from './tfs/tasks.js';

export interface TfsServiceOptions extends PredictOptions, ReloadOptions {
  readonly catalog: Pick<ModelCatalog, 'describe' | 'list'>;
}

/** The methods of `tensorflow.serving.PredictionService` and `ModelService`, all of them, each group in a file of its own under tfs/. */
export function tfsMethods(options: TfsServiceOptions): RpcMethod[] {
  const { catalog } = options;
  return [
    predict(options),
    ...taskMethods(options),
    modelMetadata(catalog),
    modelStatus(catalog),
    reloadConfig(options),
  ];
}
