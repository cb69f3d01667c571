import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, Int64ValueSchema } from '@bufbuild/protobuf/wkt';
import type { ModelCatalog } from '../../core/catalog.js';
import type { Datatype } from '../../core/datatype.js';
import { GatewayError } from '../../core/error.js';
import type { Signature, TensorSpec } from '../../core/model.js';
import { tensorflowNumber } from '../../core/tfs/datatype-names.js';
import {
  bare,
  DEFAULT_SIGNATURE,
  feedName,
  inServingWords,
  versionWanted,
} from '../../core/tfs/model-spec.js';
import { type Task, taskMethod, taskOf, taskSignature } from '../../core/tfs/tasks.js';
import type { RpcMethod } from '../../core/transport.js';
import type { TensorInfoSchema } from '../../gen/tensorflow/core/protobuf/meta_graph_pb.js';
import { SignatureDefMapSchema } from '../../gen/tensorflow_serving/apis/get_model_metadata_pb.js';
import { PredictionService } from '../../gen/tensorflow_serving/apis/prediction_service_pb.js';
import { unaryMethod } from '../messages.js';
import { readSpec } from './read-spec.js';

/** The one field of metadata that there is. */
const SIGNATURE_DEF = 'signature_def';

/** How TensorFlow's clients know what a signature is for. */
const PREDICT_METHOD = 'tensorflow/serving/predict';

/** GetModelMetadata: names, datatypes and shapes of a version's inputs and outputs. */
export function modelMetadata(catalog: Pick<ModelCatalog, 'describe'>): RpcMethod {
  return unaryMethod(PredictionService.method.getModelMetadata, (request) => {
    const spec = readSpec(request.modelSpec);
    checkFields(request.metadataField);
    try {
      const manifest = catalog.describe(spec.name, versionWanted(spec));
      const { model, version, signature } = manifest;
      const tasks = (['classify', 'regress'] as const).map((kind) => taskOf(kind, manifest));
      const signatureDef = {
        [DEFAULT_SIGNATURE]: signatureOf(signature),
        ...Object.fromEntries(
          tasks.flatMap((task) =>
            typeof task === 'string' ? [] : [[taskSignature(task.kind), taskSignatureOf(task)]],
          ),
        ),
      };
      const map = create(SignatureDefMapSchema, { signatureDef });
      const value = create(Int64ValueSchema, { value: BigInt(version) });
      return {
        modelSpec: { name: model, versionChoice: { case: 'version' as const, value } },
        metadata: { [SIGNATURE_DEF]: anyPack(SignatureDefMapSchema, map) },
      };
    } catch (thrown) {
      throw inServingWords(thrown, spec);
    }
  });
}

/** In the words of get_model_metadata_impl.cc. */
function checkFields(fields: readonly string[]): void {
  const unknown = fields.find((field) => field !== SIGNATURE_DEF);
  if (fields.length > 0 && unknown === undefined) return;
  const message =
    unknown === undefined
      ? 'GetModelMetadataRequest must specify at least one metadata_field'
      : `Metadata field ${bare(unknown)} is not supported`;
  throw new GatewayError('INVALID_ARGUMENT', message, { reason: 'bad_request', field: 'metadata_field' });
}

function signatureOf(signature: Signature) {
  const tensors = (specs: readonly TensorSpec[]) =>
    Object.fromEntries(specs.map((spec) => [spec.name, tensorInfo(spec, signature)]));
  return {
    inputs: tensors(signature.inputs),
    outputs: tensors(signature.outputs),
    methodName: PREDICT_METHOD,
  };
}

/** As TensorFlow's own exporters name what goes in and comes out: rows are serialized `tensorflow.Example`s. */
function taskSignatureOf({ kind, input, output, labels }: Task) {
  const rows = input.shape[0] ?? -1;
  const info = (name: string, datatype: Datatype, ...dims: number[]) => ({
    encoding: { case: 'name' as const, value: feedName(name) },
    dtype: tensorflowNumber(datatype),
    tensorShape: { dim: dims.map((size) => ({ size: BigInt(size) })) },
  });
  const classes = output.shape[1] ?? -1;
  const outputs =
    kind === 'regress'
      ? { outputs: info(output.name, 'FP32', rows) }
      : {
          ...(labels.length > 0 && { classes: info(output.name, 'BYTES', rows, classes) }),
          scores: info(output.name, 'FP32', rows, classes),
        };
  return { inputs: { inputs: info('examples', 'BYTES', rows) }, outputs, methodName: taskMethod(kind) };
}

function tensorInfo(
  { name, datatype, shape }: TensorSpec,
  { batchable }: Signature,
): MessageInitShape<typeof TensorInfoSchema> {
  const dims = batchable ? [-1, ...shape.slice(1)] : shape;
  return {
    encoding: { case: 'name', value: feedName(name) },
    dtype: tensorflowNumber(datatype),
    tensorShape: { dim: dims.map((size) => ({ size: BigInt(size) })) },
  };
}
