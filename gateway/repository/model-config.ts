import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { quote } from '../core/error.js';
import type { ModelConfiguration, VersionPolicy } from '../core/model-configuration.js';
import {
  ModelInstanceGroup_Kind as Kind,
  type ModelConfig,
  ModelConfigSchema,
} from '../gen/inference/model_config_pb.js';
import { CONFIG_FILE, ConfigFaults } from './config-faults.js';
import { checkFields } from './config-fields.js';
import { runtimeOptions } from './config-parameters.js';
import { schedulingOf } from './config-scheduling.js';
import { declaredInputs, declaredOutputs } from './config-tensors.js';
import { warmUpSamples } from './config-warm-up.js';
import { parseText } from './pbtxt/parser.js';
import { PbtxtError } from './pbtxt/pbtxt-error.js';

const MAX_BATCH_SIZE = 1_000_000;
const MAX_VERSIONS = 1000;
const MAX_INSTANCES = 1024;

/** What became of a configuration: usable, or the reason why it is not, with places. */
export type ReadConfig =
  | { readonly configuration: ModelConfiguration; readonly warnings: readonly string[] }
  | { readonly fault: string };

/** Reads the text of a config.pbtxt, of the model that is served under this name. Pure; never throws. */
export function readModelConfig(text: string, model: string): ReadConfig {
  try {
    const { message, places } = parseText(ModelConfigSchema, text);
    return interpretModelConfig(message, model, new ConfigFaults(places));
  } catch (error) {
    if (!(error instanceof PbtxtError)) throw error;
    const { line, column } = error.place;
    return { fault: `${CONFIG_FILE}:${line}:${column}: ${error.message}` };
  }
}

/** Reads a ModelConfig in JSON, as a call that loads a model may bring one. Pure; never throws. */
export function readModelConfigJson(text: string, model: string): ReadConfig {
  try {
    const json = JSON.parse(text) as JsonValue;
    const message = fromJson(ModelConfigSchema, json);
    // Without lines; but what is given is known, as from a text.
    const given = Object.keys(json ?? {}).map((key): [string, undefined] => [snakeCase(key), undefined]);
    return interpretModelConfig(message, model, new ConfigFaults(new Map(given), 'config'));
  } catch (error) {
    return { fault: `its config is not a ModelConfig in JSON: ${quote((error as Error).message, 300)}` };
  }
}

/** JSON may name fields either way. */
function snakeCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What a configuration means here: every field is honoured, refused by name, or named in a warning. */
function interpretModelConfig(config: ModelConfig, model: string, faults: ConfigFaults): ReadConfig {
  const warnings: string[] = [];
  checkFields(config, faults, warnings);
  checkIdentity(config, model, faults);
  const maxBatchSize = maxBatchSizeOf(config, faults);
  const versionPolicy = versionPolicyOf(config, faults);
  const instanceCount = instanceCountOf(config, faults);
  const graphLevel = config.optimization?.graph?.level;
  const scheduling = schedulingOf(config, maxBatchSize, faults, warnings);
  const { defaultModelFilename } = config;
  const configuration: ModelConfiguration = {
    ...(maxBatchSize !== undefined && { maxBatchSize }),
    inputs: declaredInputs(config, faults),
    outputs: declaredOutputs(config, faults),
    ...(versionPolicy !== undefined && { versionPolicy }),
    ...(instanceCount !== undefined && { instanceCount }),
    ...(defaultModelFilename !== '' && { defaultModelFilename }),
    parameters: Object.fromEntries(
      Object.entries(config.parameters).map(([key, { stringValue }]) => [key, stringValue]),
    ),
    ...(graphLevel !== undefined && { graphLevel }),
    runtime: runtimeOptions(config, faults, warnings),
    ...(scheduling !== undefined && { scheduling }),
    ...(config.modelWarmup.length > 0 && { warmUp: warmUpSamples(config, faults, warnings) }),
  };
  return faults.any ? { fault: String(faults) } : { configuration, warnings };
}

function checkIdentity(config: ModelConfig, model: string, faults: ConfigFaults): void {
  const { name, platform, backend, defaultModelFilename } = config;
  if (name !== '' && name !== model)
    faults.add(
      'name',
      `name is ${quote(name)}, but the model is served as ${quote(model)}, after its directory`,
    );
  if (platform !== '' && platform !== 'onnxruntime_onnx')
    faults.add('platform', `platform is ${quote(platform)}, wanted 'onnxruntime_onnx'`);
  if (backend !== '' && backend !== 'onnxruntime')
    faults.add('backend', `backend is ${quote(backend)}, wanted 'onnxruntime'`);
  if (defaultModelFilename !== '' && !/^(?!\.)[^/\\\p{Cc}]{1,255}$/u.test(defaultModelFilename))
    faults.add(
      'default_model_filename',
      `default_model_filename is ${quote(defaultModelFilename)}, wanted the name of a file, without directories`,
    );
}

/** Undefined where the model is to decide. As in Triton, one that declares inputs and outputs has decided on 0. */
function maxBatchSizeOf(
  { maxBatchSize, input, output }: ModelConfig,
  faults: ConfigFaults,
): number | undefined {
  if (maxBatchSize < 0 || maxBatchSize > MAX_BATCH_SIZE)
    faults.add('max_batch_size', `max_batch_size is ${maxBatchSize}, wanted 0 to ${MAX_BATCH_SIZE}`);
  const decided =
    faults.given('max_batch_size') || maxBatchSize !== 0 || (input.length > 0 && output.length > 0);
  return decided ? maxBatchSize : undefined;
}

function versionPolicyOf({ versionPolicy }: ModelConfig, faults: ConfigFaults): VersionPolicy | undefined {
  const choice = versionPolicy?.policyChoice;
  if (choice?.case === 'all') return 'all';
  if (choice?.case === 'latest') {
    const { numVersions } = choice.value;
    if (numVersions < 1 || numVersions > MAX_VERSIONS)
      faults.add(
        'version_policy.latest.num_versions',
        `version_policy.latest.num_versions is ${numVersions}, wanted 1 to ${MAX_VERSIONS}`,
      );
    return { latest: numVersions };
  }
  if (choice?.case !== 'specific') return undefined;
  const { versions } = choice.value;
  const path = 'version_policy.specific.versions';
  if (versions.length < 1 || versions.length > MAX_VERSIONS)
    faults.add(path, `${path} names ${versions.length} versions, wanted 1 to ${MAX_VERSIONS}`);
  const bad = versions.find((version) => version < 1n || version > BigInt(Number.MAX_SAFE_INTEGER));
  if (bad !== undefined) faults.add(path, `${path} names ${bad}, wanted 1 to 2^53 - 1`);
  return { specific: versions.map(Number) };
}

/** Instances of all groups together; undefined where no group counts any. */
function instanceCountOf({ instanceGroup }: ModelConfig, faults: ConfigFaults): number | undefined {
  let sum = 0;
  for (const [index, { count, kind }] of instanceGroup.entries()) {
    const path = `instance_group[${index}]`;
    if (kind !== Kind.CPU && kind !== Kind.AUTO)
      faults.add(
        `${path}.kind`,
        `${path}.kind is KIND_${Kind[kind]}, wanted KIND_CPU or KIND_AUTO: this server runs on CPUs`,
      );
    if (count < 0 || count > MAX_INSTANCES)
      faults.add(`${path}.count`, `${path}.count is ${count}, wanted 0 to ${MAX_INSTANCES}`);
    sum += count;
  }
  return sum > 0 ? sum : undefined;
}
