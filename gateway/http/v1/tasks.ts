import type { FastifyRequest } from 'fastify';
import { type ModelSpec, versionWanted } from '../../core/tfs/model-spec.js';
import { PredictionService } from '../../gen/tensorflow_serving/apis/prediction_service_pb.js';
import { bodyOf } from '../call/body-of.js';
import { shortFloat32 } from '../json/number-text.js';
import type { RestOptions } from '../rest-options.js';
import { readExamples } from './examples.js';
import { specMessage } from './spec-message.js';

/** Classify: `results` with a list of `[label, score]` for each example; regress: with a value. */
export async function tellTask(
  verb: 'classify' | 'regress',
  request: FastifyRequest,
  spec: ModelSpec,
  { rpcs, catalog }: RestOptions,
): Promise<object> {
  const { signature, input } = readExamples(bodyOf(request), mostRows(spec, catalog));
  const modelSpec = specMessage({ ...spec, signature });
  if (verb === 'classify') {
    const { result } = await rpcs.ask(request, PredictionService.method.classify, { modelSpec, input });
    const rows = result?.classifications ?? [];
    return {
      results: rows.map(({ classes }) => classes.map(({ label, score }) => [label, shortFloat32(score)])),
    };
  }
  const { result } = await rpcs.ask(request, PredictionService.method.regress, { modelSpec, input });
  return { results: (result?.regressions ?? []).map(({ value }) => shortFloat32(value)) };
}

/** How many rows the model takes at once; Infinity where there is none of the name, which is for the RPC to say. */
function mostRows(spec: ModelSpec, catalog: RestOptions['catalog']): number {
  try {
    const { batchable, maxBatchSize } = catalog.describe(spec.name, versionWanted(spec)).signature;
    return batchable ? maxBatchSize : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
