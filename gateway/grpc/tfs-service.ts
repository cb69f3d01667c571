import type { RpcMethod } from '../core/transport.js';
import { type PredictOptions, predict } from './tfs/predict.js';

export type TfsServiceOptions = PredictOptions;

/** The methods of `tensorflow.serving.PredictionService` and `ModelService`, each group in a file of its own under tfs/. */
export function tfsMethods(options: TfsServiceOptions): RpcMethod[] {
  return [predict(options)];
}
