import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ModelCatalog } from '../../core/catalog.js';
import type { Datatype } from '../../core/datatype.js';
import type { Manifest } from '../../core/manifest.js';
import type { TensorSpec } from '../../core/model.js';
import type { DeclaredTensor, VersionPolicy, WarmUpInput } from '../../core/model-configuration.js';
import type { RpcMethod } from '../../core/transport.js';
import { GRPCInferenceService } from '../../gen/inference/grpc_service_pb.js';
import {
  DataType,
  type ModelConfigSchema,
  ModelInput_Format,
  ModelInstanceGroup_Kind,
  type ModelVersionPolicySchema,
  type ModelWarmup_InputSchema,
} from '../../gen/inference/model_config_pb.js';
import { unaryMethod } from '../messages.js';
import { dynamicBatchingOf } from './dynamic-batching.js';

type ConfigInit = MessageInitShape<typeof ModelConfigSchema>;

/** ModelConfig: what holds for an available version, after all that was left open has been filled in. */
export function modelConfigMethod(catalog: Pick<ModelCatalog, 'describe'>): RpcMethod {
  return unaryMethod(GRPCInferenceService.method.modelConfig, ({ name, version }) => ({
    config: configOf(catalog.describe(name, version)),
  }));
}

/** A version's configuration in Triton's terms. With `max_batch_size` of 1 or more, dims leave the batch dimension out. */
function configOf(manifest: Manifest): ConfigInit {
  const { model, signature, configuration } = manifest;
  const { inputs, outputs, batchable, maxBatchSize } = signature;
  const scheduling = configuration?.scheduling;
  const declared = (name: string) => configuration?.inputs.find((each) => each.name === name);
  const declaredOutput = (name: string) => configuration?.outputs.find((each) => each.name === name);
  const dimsOf = ({ shape }: TensorSpec) => (batchable ? shape.slice(1) : shape).map(BigInt);
  return {
    name: model,
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    maxBatchSize,
    versionPolicy: versionPolicyOf(configuration?.versionPolicy ?? { latest: 1 }),
    input: inputs.map((spec) => ({
      name: spec.name,
      dataType: dataTypeOf(spec.datatype),
      dims: dimsOf(spec),
      format: formatOf(declared(spec.name)),
      ...reshapeOf(declared(spec.name)),
    })),
    output: outputs.map((spec) => ({
      name: spec.name,
      dataType: dataTypeOf(spec.datatype),
      dims: dimsOf(spec),
      labelFilename: declaredOutput(spec.name)?.labelFilename ?? '',
      ...reshapeOf(declaredOutput(spec.name)),
    })),
    instanceGroup: [
      {
        name: `${model}_0`,
        kind: ModelInstanceGroup_Kind.CPU,
        count: configuration?.instanceCount ?? 1,
      },
    ],
    defaultModelFilename: configuration?.defaultModelFilename ?? 'model.onnx',
    // A model that is batched is so with and without its file's word.
    ...((batchable || scheduling !== undefined) && {
      schedulingChoice: {
        case: 'dynamicBatching',
        value: scheduling === undefined ? {} : dynamicBatchingOf(scheduling),
      } as const,
    }),
    modelWarmup: (configuration?.warmUp ?? []).map(({ inputs, ...sample }) => ({
      ...sample,
      inputs: Object.fromEntries(inputs.map((input) => [input.name, warmUpInputOf(input)])),
    })),
    optimization:
      configuration?.graphLevel === undefined ? {} : { graph: { level: configuration.graphLevel } },
    parameters: Object.fromEntries(
      Object.entries(parametersOf(manifest)).map(([key, stringValue]) => [key, { stringValue }]),
    ),
  };
}

/** As given, and what the elements of a row are called: Triton has no field for it, and clients look here. */
function parametersOf({ configuration, signature, features }: Manifest): Record<string, string> {
  const parameters = { ...configuration?.parameters };
  if (features === undefined) return parameters;
  const [only, ...others] = signature.inputs;
  const list = others.length === 0 && only !== undefined ? features[only.name] : undefined;
  return { ...parameters, feature_names: JSON.stringify(list ?? features) };
}

function versionPolicyOf(policy: VersionPolicy): MessageInitShape<typeof ModelVersionPolicySchema> {
  if (policy === 'all') return { policyChoice: { case: 'all', value: {} } };
  if ('latest' in policy) return { policyChoice: { case: 'latest', value: { numVersions: policy.latest } } };
  return { policyChoice: { case: 'specific', value: { versions: policy.specific.map(BigInt) } } };
}

function dataTypeOf(datatype: Datatype): DataType {
  return datatype === 'BYTES' ? DataType.TYPE_STRING : DataType[`TYPE_${datatype}`];
}

function warmUpInputOf({
  datatype,
  dims,
  data,
}: WarmUpInput): MessageInitShape<typeof ModelWarmup_InputSchema> {
  return {
    dataType: dataTypeOf(datatype),
    dims: dims.map(BigInt),
    inputDataType:
      typeof data === 'object'
        ? { case: 'inputDataFile', value: data.file }
        : { case: data === 'zero' ? 'zeroData' : 'randomData', value: true },
  };
}

function reshapeOf(declared: DeclaredTensor | undefined): { reshape?: { shape: bigint[] } } {
  return declared?.reshape === undefined ? {} : { reshape: { shape: declared.reshape.map(BigInt) } };
}

function formatOf(declared: DeclaredTensor | undefined): ModelInput_Format {
  if (declared?.format === 'FORMAT_NHWC') return ModelInput_Format.NHWC;
  return declared?.format === 'FORMAT_NCHW' ? ModelInput_Format.NCHW : ModelInput_Format.NONE;
}
