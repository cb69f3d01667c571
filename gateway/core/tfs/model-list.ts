import type { Cancellation } from '../cancellation.js';
import { GatewayError, type StatusCode } from '../error.js';
import type { VersionPolicy } from '../model-configuration.js';
import { bare } from './model-spec.js';

/** One model of a list: where its versions are, which of them are wanted, and what its labels lead to. */
export interface ListedModel {
  readonly name: string;
  /** Absolute path of the directory that has the versions' directories. */
  readonly basePath: string;
  /** Undefined: what its config.pbtxt says, else the latest one. */
  readonly versionPolicy: VersionPolicy | undefined;
  readonly labels: ReadonlyMap<string, number>;
}

/** All models of a server, as TensorFlow Serving's `--model_config_file` and HandleReloadConfigRequest list them. */
export interface ModelList {
  readonly models: readonly ListedModel[];
}

/** Who replaces the model list of a running server. */
export interface ModelListControl {
  /**
   * Replaces the whole list in one step: resolves when all that is new can be called and the rest is let go; rejects with a GatewayError
   * where that cannot be, or not before the call is cancelled (its deadline passed), and then everything is as it was.
   */
  reload(list: ModelList, cancellation: Cancellation): Promise<void>;
}

/** The messages of model_server_config.proto, as far as they are read here: so that whoever has generated code can hand them over. */
interface ConfigMessage {
  readonly name: string;
  readonly basePath: string;
  readonly modelPlatform: string;
  readonly modelType: number;
  readonly loggingConfig?: unknown;
  readonly modelVersionPolicy?: { readonly policyChoice: PolicyMessage } | undefined;
  readonly versionLabels: Readonly<Record<string, bigint>>;
}
type PolicyMessage =
  | { readonly case: 'latest'; readonly value: { readonly numVersions: number } }
  | { readonly case: 'all'; readonly value: unknown }
  | { readonly case: 'specific'; readonly value: { readonly versions: readonly bigint[] } }
  | { readonly case: undefined };
export interface ServerConfigMessage {
  readonly config:
    | { readonly case: 'modelConfigList'; readonly value: { readonly config: readonly ConfigMessage[] } }
    | { readonly case: 'customModelConfig'; readonly value: unknown }
    | { readonly case: undefined };
}

/** Most models of a list, versions that one names, and labels of one. */
const MAX_MODELS = 10_000;
const MAX_VERSIONS = 1000;

/** What files of TensorFlow Serving say, and what is true here. */
const PLATFORMS: readonly string[] = ['', 'tensorflow', 'onnx', 'onnxruntime', 'onnxruntime_onnx'];

/**
 * Checks a list as far as that can be done without a look at the disk. Throws a GatewayError at the first fault, where TensorFlow Serving
 * has a text in that text (server_core.cc, model_service_impl.cc).
 */
export function readModelList({ config }: ServerConfigMessage): ModelList {
  if (config.case !== 'modelConfigList')
    throw invalid(
      'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported',
      'config',
    );
  const messages = config.value.config;
  if (messages.length > MAX_MODELS)
    throw invalid(`the config list has ${messages.length} models, wanted at most ${MAX_MODELS}`, 'config');
  const seen = new Set<string>();
  for (const { name } of messages) {
    if (seen.has(name))
      throw invalid(`Illegal to list model ${bare(name)} multiple times in config list`, 'name');
    seen.add(name);
  }
  return { models: messages.map(readModel) };
}

function readModel(message: ConfigMessage): ListedModel {
  const { basePath } = message;
  const name = bare(message.name);
  if (!basePath.startsWith('/') || basePath.includes('\0'))
    throw invalid(
      `Expected model ${name} to have an absolute path or URI; got base_path()=${bare(basePath)}` +
        (/^[a-z][a-z0-9+.-]*:\/\//i.test(basePath) ? ': only paths of the local file system are read' : ''),
      'base_path',
    );
  // 2 is OTHER: a platform that has no name.
  if (!PLATFORMS.includes(message.modelPlatform) || message.modelType === 2)
    throw invalid(
      `Model ${name} requests unsupported platform ${bare(message.modelPlatform || 'OTHER')}`,
      'model_platform',
    );
  if (message.loggingConfig !== undefined)
    throw invalid(`logging_config of model ${name} is not supported: leave it out`, 'logging_config');
  return {
    name: message.name,
    basePath,
    versionPolicy: policyOf(name, message.modelVersionPolicy?.policyChoice),
    labels: new Map(
      Object.entries(message.versionLabels).map(([label, version]) => [
        label,
        versionOf(version, `label ${bare(label)} of model ${name}`, 'version_labels'),
      ]),
    ),
  };
}

function policyOf(name: string, policy: PolicyMessage | undefined): VersionPolicy | undefined {
  const field = 'model_version_policy';
  if (policy?.case === 'all') return 'all';
  if (policy?.case === 'latest') {
    const { numVersions } = policy.value;
    if (numVersions > MAX_VERSIONS)
      throw invalid(
        `model_version_policy of model ${name} names the latest ${numVersions}, wanted at most ${MAX_VERSIONS}`,
        field,
      );
    return { latest: Math.max(1, numVersions) };
  }
  if (policy?.case !== 'specific') return undefined;
  const { versions } = policy.value;
  if (versions.length < 1 || versions.length > MAX_VERSIONS)
    throw invalid(
      `model_version_policy of model ${name} names ${versions.length} versions, wanted 1 to ${MAX_VERSIONS}`,
      field,
    );
  return {
    specific: versions.map((version) => versionOf(version, `model_version_policy of model ${name}`, field)),
  };
}

function versionOf(version: bigint, whose: string, field: string): number {
  if (version >= 1n && version <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(version);
  throw invalid(`${whose} names version ${version}, wanted 1 to 2^53 - 1`, field);
}

function invalid(message: string, field: string): GatewayError {
  return listError('INVALID_ARGUMENT', message, field);
}

/** An error about the field of a list. */
export function listError(code: StatusCode, message: string, field: string): GatewayError {
  return new GatewayError(code, message, { reason: 'bad_request', field });
}
