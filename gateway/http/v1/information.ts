import { toJson } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { FastifyInstance } from 'fastify';
import { SignatureDefMapSchema } from '../../gen/tensorflow_serving/apis/get_model_metadata_pb.js';
import { GetModelStatusResponseSchema } from '../../gen/tensorflow_serving/apis/get_model_status_pb.js';
import { ModelSpecSchema } from '../../gen/tensorflow_serving/apis/model_pb.js';
import { ModelService } from '../../gen/tensorflow_serving/apis/model_service_pb.js';
import { PredictionService } from '../../gen/tensorflow_serving/apis/prediction_service_pb.js';
import type { RestOptions } from '../rest-options.js';
import { specMessage } from './spec-message.js';
import { type TargetParams, targetOf } from './targets.js';

const READS = { config: { kind: 'reads' } } as const;
const AS_SERVING = { useProtoFieldName: true, alwaysEmitImplicit: true } as const;
const FIELD = 'signature_def';

/** What `/v1` tells: the models (KServe's list), the state of a model's versions, and what they take and give. */
export function addV1Information(app: FastifyInstance, options: RestOptions): void {
  const { catalog, rpcs } = options;
  app.get('/v1/models', READS, () => ({
    models: [...new Set(catalog.list().map(({ model }) => model))].filter((model) =>
      catalog.ready(model, ''),
    ),
  }));
  for (const [path, by] of [
    ['/v1/models/:target', 'model'],
    ['/v1/models/:model/versions/:target', 'version'],
    ['/v1/models/:model/labels/:target', 'label'],
  ] as const) {
    app.get<{ Params: TargetParams }>(path, READS, async (request) => {
      const { spec } = targetOf({ ...request.params, target: `${request.params.target}:` }, by);
      const status = await rpcs.ask(request, ModelService.method.getModelStatus, {
        modelSpec: specMessage(spec),
      });
      const told = toJson(GetModelStatusResponseSchema, status, AS_SERVING) as object;
      // What KServe's clients look for; those of TensorFlow Serving pass over it.
      return {
        ...told,
        name: spec.name,
        ready: catalog.ready(spec.name, String(spec.version ?? spec.label)),
      };
    });
    app.get<{ Params: TargetParams }>(`${path}/metadata`, READS, async (request) => {
      const { spec } = targetOf({ ...request.params, target: `${request.params.target}:` }, by);
      const { modelSpec, metadata } = await rpcs.ask(request, PredictionService.method.getModelMetadata, {
        modelSpec: specMessage(spec),
        metadataField: [FIELD],
      });
      const packed = metadata[FIELD];
      const map = packed === undefined ? undefined : anyUnpack(packed, SignatureDefMapSchema);
      return {
        model_spec: modelSpec === undefined ? {} : toJson(ModelSpecSchema, modelSpec, AS_SERVING),
        metadata: map === undefined ? {} : { [FIELD]: toJson(SignatureDefMapSchema, map, AS_SERVING) },
      };
    });
  }
}
