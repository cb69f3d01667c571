/**
 * Requests that TensorFlow Serving refuses, with the code and the text that it gives itself: from its sources, of which each row names
 * the file. Where Sluice says more, it does so after that text, in brackets or after a colon.
 */
import type { DescMessage, DescMethod, MessageInitShape } from '@bufbuild/protobuf';
import type { TensorProtoSchema } from '../../gateway/gen/tensorflow/core/framework/tensor_pb.js';
import { ModelService } from '../../gateway/gen/tensorflow_serving/apis/model_service_pb.js';
import { PREDICTION, shapeOf, type TfsCaller } from './tfs-call.js';

const { getModelStatus, handleReloadConfigRequest } = ModelService.method;
const { predict, classify, regress, multiInference, getModelMetadata } = PREDICTION;

type Method<I extends DescMessage> = DescMethod & { input: I; output: DescMessage };

export interface TfsRefusal {
  /** Where TensorFlow Serving says it. */
  readonly source: string;
  readonly code: number;
  readonly text: string;
  readonly send: (call: TfsCaller) => Promise<{ status: number | undefined; message: string }>;
}

function row<I extends DescMessage>(
  source: string,
  code: number,
  text: string,
  method: Method<I>,
  request: MessageInitShape<I>,
): TfsRefusal {
  return { source, code, text, send: (call) => call(method, request) };
}

const m = { name: 'm' };
const version = (value: bigint) => ({ ...m, versionChoice: { case: 'version' as const, value: { value } } });
const label = (value: string, name = 'm') => ({
  name,
  versionChoice: { case: 'versionLabel' as const, value },
});
const signature = (signatureName: string, name = 'm') => ({ name, signatureName });
const X: MessageInitShape<typeof TensorProtoSchema> = { dtype: 1, tensorShape: shapeOf(1, 4), floatVal: [1] };
const int32: MessageInitShape<typeof TensorProtoSchema> = {
  dtype: 3,
  tensorShape: shapeOf(1, 4),
  intVal: [1],
};
const ends = { dtype: 1, tensorShape: shapeOf(1, 4), tensorContent: new Uint8Array(3) };

const feature = (value: number[]) => ({ kind: { case: 'floatList' as const, value: { value } } });
const integer = { kind: { case: 'bytesList' as const, value: { value: [Buffer.from('7')] } } };
const input = (...examples: Record<string, ReturnType<typeof feature> | typeof integer>[]) => ({
  kind: {
    case: 'exampleList' as const,
    value: { examples: examples.map((one) => ({ features: { feature: one } })) },
  },
});
const ROW = input({ age: feature([1]), fare: feature([2]) });
const task = (kind: string, spec: object) => ({ modelSpec: spec, methodName: `tensorflow/serving/${kind}` });
const both = { name: 'both' };
const missing = 'is required but could not be found.';

const CORE = 'model_servers/server_core.cc';
const MANAGER = 'core/basic_manager.cc';
const PREDICT = 'servables/tensorflow/predict_util.cc';
const VALUES = 'tensorflow: cc/saved_model/util.cc';
const METADATA = 'servables/tensorflow/get_model_metadata_impl.cc';
const STATUS = 'model_servers/get_model_status_impl.cc';
const CLASSIFIER = 'servables/tensorflow/classifier.cc';
const REGRESSOR = 'servables/tensorflow/regressor.cc';
const MULTI = 'servables/tensorflow/multi_inference.cc';
const UTIL = 'servables/tensorflow/util.cc';
const PARSER = 'tensorflow: core/util/example_proto_fast_parsing.cc';
const SERVICE = 'model_servers/model_service_impl.cc';

/** Every row. Models: `m`, versions 1 and 2, `X` to `Y`; `both` classifies and regresses `age` and `fare`; `pair` has two inputs. */
export const TFS_REFUSALS: readonly TfsRefusal[] = [
  row('servables/tensorflow/predict_impl.cc', 3, 'Missing ModelSpec', predict, {}),
  row(CORE, 3, 'ModelSpec has no name specified.', predict, { modelSpec: {} }),
  row(MANAGER, 5, 'Servable not found for request: Latest(nobody)', predict, {
    modelSpec: { name: 'nobody' },
  }),
  row(MANAGER, 5, 'Servable not found for request: Specific(m, 9)', predict, { modelSpec: version(9n) }),
  row(MANAGER, 5, 'Servable not found for request: Specific(m, 0)', predict, { modelSpec: version(0n) }),
  row(MANAGER, 5, 'Servable not found for request: Specific(m, -1)', predict, { modelSpec: version(-1n) }),
  row(MANAGER, 5, `Servable not found for request: Specific(m, ${2n ** 63n - 1n})`, predict, {
    modelSpec: version(2n ** 63n - 1n),
  }),
  row(CORE, 3, 'Unrecognized servable version label: canary', predict, { modelSpec: label('canary') }),
  row(CORE, 3, 'Unrecognized servable version label: canary', predict, {
    modelSpec: label('canary', 'nobody'),
  }),
  row(PREDICT, 9, 'Serving signature key "other" not found.', predict, {
    modelSpec: signature('other'),
    inputs: { X },
  }),
  row(
    PREDICT,
    3,
    'input size does not match signature: 0!=1 len({}) != len({X}). Sent extra: {}. Missing but required: {X}.',
    predict,
    { modelSpec: m },
  ),
  row(
    PREDICT,
    3,
    'input size does not match signature: 3!=1 len({W,X,Z}) != len({X}). Sent extra: {W,Z}. Missing but required: {}.',
    predict,
    { modelSpec: m, inputs: { Z: X, X, W: X } },
  ),
  row(
    VALUES,
    3,
    'Signature input alias: X(feed name: X:0) not found in request and no default value provided. Inputs expected to be in the request {Z}, or default input alias set: ',
    predict,
    { modelSpec: m, inputs: { Z: X } },
  ),
  row(VALUES, 3, 'tensor parsing error: X', predict, { modelSpec: m, inputs: { X: ends } }),
  row(
    PREDICT,
    3,
    'output tensor alias not found in signature: Q Outputs expected to be in the set {Y}.',
    predict,
    { modelSpec: m, inputs: { X }, outputFilter: ['Q'] },
  ),
  row(PREDICT, 3, 'duplicate output tensor alias: Y', predict, {
    modelSpec: m,
    inputs: { X },
    outputFilter: ['Y', 'Y'],
  }),
  row(
    'tensorflow: core/framework/function.cc',
    3,
    'Expects arg[0] to be float but int32 is provided',
    predict,
    { modelSpec: m, inputs: { X: int32 } },
  ),
  row(METADATA, 3, 'Missing ModelSpec', getModelMetadata, { metadataField: ['signature_def'] }),
  row(METADATA, 3, 'GetModelMetadataRequest must specify at least one metadata_field', getModelMetadata, {
    modelSpec: m,
  }),
  row(METADATA, 3, 'Metadata field stats is not supported', getModelMetadata, {
    modelSpec: m,
    metadataField: ['signature_def', 'stats'],
  }),
  row(CORE, 3, 'ModelSpec has no name specified.', getModelMetadata, {
    modelSpec: {},
    metadataField: ['signature_def'],
  }),
  row(MANAGER, 5, 'Servable not found for request: Latest(nobody)', getModelMetadata, {
    modelSpec: { name: 'nobody' },
    metadataField: ['signature_def'],
  }),
  row(STATUS, 3, 'Missing ModelSpec', getModelStatus, {}),
  row(STATUS, 5, 'Could not find any versions of model nobody', getModelStatus, {
    modelSpec: { name: 'nobody' },
  }),
  row(STATUS, 5, 'Could not find any versions of model ', getModelStatus, { modelSpec: {} }),
  row(STATUS, 5, 'Could not find version 9 of model m', getModelStatus, { modelSpec: version(9n) }),
  row('servables/tensorflow/classification_service.cc', 3, 'Missing ModelSpec', classify, { input: ROW }),
  row(CORE, 3, 'ModelSpec has no name specified.', classify, { modelSpec: {}, input: ROW }),
  row(MANAGER, 5, 'Servable not found for request: Latest(nobody)', classify, {
    modelSpec: { name: 'nobody' },
    input: ROW,
  }),
  row(CLASSIFIER, 3, 'No signature was found with the name: other', classify, {
    modelSpec: signature('other', 'both'),
    input: ROW,
  }),
  row(
    CLASSIFIER,
    3,
    'Expected classification signature method_name to be tensorflow/serving/classify. Was: tensorflow/serving/regress',
    classify,
    { modelSpec: signature('regression', 'both'), input: ROW },
  ),
  row(CLASSIFIER, 3, 'Expected one input Tensor.', classify, { modelSpec: { name: 'pair' }, input: ROW }),
  row(UTIL, 3, 'Input is empty.', classify, { modelSpec: both }),
  row(UTIL, 3, 'Input is empty.', regress, { modelSpec: both, input: input() }),
  row(PARSER, 3, `Name: <unknown>, Feature: fare (data type: float) ${missing}`, regress, {
    modelSpec: both,
    input: input({ age: feature([1]) }),
  }),
  row(
    PARSER,
    3,
    "Name: <unknown>, Key: age, Index: 0.  Data types don't match. Data type: string but expected type: float",
    classify,
    { modelSpec: both, input: input({ age: integer, fare: feature([1]) }) },
  ),
  row(
    PARSER,
    3,
    'Name: <unknown>, Key: age, Index: 0.  Number of float values != expected.  Values size: 3 but output shape: []',
    classify,
    { modelSpec: both, input: input({ age: feature([1, 2, 3]), fare: feature([1]) }) },
  ),
  row(REGRESSOR, 3, 'No signature was found with the name: other', regress, {
    modelSpec: signature('other', 'both'),
    input: ROW,
  }),
  row(
    REGRESSOR,
    3,
    'Expected regression signature method_name to be tensorflow/serving/regress. Was: tensorflow/serving/classify',
    regress,
    { modelSpec: signature('classification', 'both'), input: ROW },
  ),
  row(CORE, 3, 'ModelSpec has no name specified.', multiInference, { input: ROW }),
  row(MULTI, 3, 'Found ModelSpec with an empty model name.', multiInference, {
    tasks: [task('classify', both), task('regress', {})],
    input: ROW,
  }),
  row(
    MULTI,
    3,
    'All ModelSpecs in a MultiInferenceRequest must access the same model name.',
    multiInference,
    { tasks: [task('classify', both), task('regress', m)], input: ROW },
  ),
  row(MULTI, 3, 'Duplicate evaluation of signature: serving_default', multiInference, {
    tasks: [task('classify', both), task('regress', signature('serving_default', 'both'))],
    input: ROW,
  }),
  row(MULTI, 3, 'Requested signature not found in model graph: other', multiInference, {
    tasks: [task('classify', signature('other', 'both'))],
    input: ROW,
  }),
  row(MULTI, 12, 'Unsupported signature method_name: tensorflow/serving/predict', multiInference, {
    tasks: [task('predict', both)],
    input: ROW,
  }),
  row(
    SERVICE,
    3,
    'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported',
    handleReloadConfigRequest,
    {},
  ),
  row(CORE, 3, 'Illegal to list model m multiple times in config list', handleReloadConfigRequest, {
    config: {
      config: {
        case: 'modelConfigList',
        value: { config: [1, 2].map((n) => ({ name: 'm', basePath: `/${n}`, modelPlatform: 'tensorflow' })) },
      },
    },
  }),
  row(
    CORE,
    3,
    'Expected model m to have an absolute path or URI; got base_path()=models/m',
    handleReloadConfigRequest,
    {
      config: {
        config: { case: 'modelConfigList', value: { config: [{ name: 'm', basePath: 'models/m' }] } },
      },
    },
  ),
  row(CORE, 3, 'Model m requests unsupported platform pytorch', handleReloadConfigRequest, {
    config: {
      config: {
        case: 'modelConfigList',
        value: { config: [{ name: 'm', basePath: '/m', modelPlatform: 'pytorch' }] },
      },
    },
  }),
  row(
    'sources/storage_path/file_system_storage_path_source.cc',
    3,
    'Could not find base path /no/such/directory for servable m with error ',
    handleReloadConfigRequest,
    {
      config: {
        config: {
          case: 'modelConfigList',
          value: { config: [{ name: 'm', basePath: '/no/such/directory', modelPlatform: 'tensorflow' }] },
        },
      },
    },
  ),
];
