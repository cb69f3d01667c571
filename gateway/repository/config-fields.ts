import type { DescField } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type ModelConfig, ModelConfigSchema } from '../gen/inference/model_config_pb.js';
import type { ConfigFaults } from './config-faults.js';

/**
 * The fields of a model's configuration that mean something here, and messages whose fields at their defaults ask for
 * what the server does anyway. Whatever else is set is refused by name, so that nothing is ignored unseen.
 */
export const HONOURED_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'platform',
  'backend',
  'version_policy',
  'version_policy.latest',
  'version_policy.latest.num_versions',
  'version_policy.all',
  'version_policy.specific',
  'version_policy.specific.versions',
  'max_batch_size',
  'input',
  'input.name',
  'input.data_type',
  'input.format',
  'input.dims',
  'input.reshape',
  'input.reshape.shape',
  'output',
  'output.name',
  'output.data_type',
  'output.dims',
  'output.reshape',
  'output.reshape.shape',
  'output.label_filename',
  'instance_group',
  'instance_group.name',
  'instance_group.count',
  'instance_group.kind',
  'default_model_filename',
  'dynamic_batching',
  'dynamic_batching.preferred_batch_size',
  'dynamic_batching.max_queue_delay_microseconds',
  'dynamic_batching.preserve_ordering',
  'dynamic_batching.priority_levels',
  'dynamic_batching.default_priority_level',
  'dynamic_batching.default_queue_policy',
  'dynamic_batching.default_queue_policy.timeout_action',
  'dynamic_batching.default_queue_policy.default_timeout_microseconds',
  'dynamic_batching.default_queue_policy.allow_timeout_override',
  'dynamic_batching.default_queue_policy.max_queue_size',
  'dynamic_batching.priority_queue_policy',
  'dynamic_batching.priority_queue_policy.timeout_action',
  'dynamic_batching.priority_queue_policy.default_timeout_microseconds',
  'dynamic_batching.priority_queue_policy.allow_timeout_override',
  'dynamic_batching.priority_queue_policy.max_queue_size',
  'optimization',
  'optimization.graph',
  'optimization.graph.level',
  'parameters',
  'parameters.string_value',
  'model_warmup',
  'model_warmup.name',
  'model_warmup.batch_size',
  'model_warmup.inputs',
  'model_warmup.inputs.data_type',
  'model_warmup.inputs.dims',
  'model_warmup.inputs.zero_data',
  'model_warmup.inputs.random_data',
  'model_warmup.inputs.input_data_file',
  'model_warmup.count',
  'model_transaction_policy',
  'model_operations',
  'model_repository_agents',
  'model_metrics',
  'response_cache',
]);

/** Fields that can have no effect on a CPU: passed over with a warning, whatever is in them. */
export const IGNORED_FIELDS: ReadonlySet<string> = new Set([
  'optimization.input_pinned_memory',
  'optimization.output_pinned_memory',
  'optimization.gather_kernel_buffer_threshold',
]);

/** Why a field is refused, where there is more to say than that it is. */
const WHY: ReadonlyMap<string, string> = new Map([
  ['input.optional', 'the model needs all of its inputs'],
  ['input.allow_ragged_batch', 'rows of different shapes never share a batch here'],
  ['instance_group.gpus', 'this server runs on CPUs'],
  ['optimization.cuda', 'this server runs on CPUs'],
  ['optimization.execution_accelerators', 'models run on the CPU provider of onnxruntime'],
  ['model_transaction_policy.decoupled', 'each request has exactly one answer'],
]);

/** Looks at every field that is set: faults for what is not supported, a warning for what has no effect. */
export function checkFields(config: ModelConfig, faults: ConfigFaults, warnings: string[]): void {
  walk(reflect(ModelConfigSchema, config), '', '', faults, warnings);
}

/** `generic` is a path without indices and keys: what the tables name; `exact` has them: what a person is told. */
function walk(
  message: ReflectMessage,
  generic: string,
  exact: string,
  faults: ConfigFaults,
  warnings: string[],
): void {
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const path = generic === '' ? field.name : `${generic}.${field.name}`;
    const at = exact === '' ? field.name : `${exact}.${field.name}`;
    if (IGNORED_FIELDS.has(path)) warnings.push(`${at} has no effect: this server runs on CPUs`);
    else if (!HONOURED_FIELDS.has(path)) {
      const why = WHY.get(path);
      faults.add(at, `${at} is not supported by this server${why === undefined ? '' : `: ${why}`}`);
    } else
      for (const [suffix, inner] of messagesOf(message, field))
        walk(inner, path, at + suffix, faults, warnings);
  }
}

function messagesOf(message: ReflectMessage, field: DescField): [string, ReflectMessage][] {
  if (field.fieldKind === 'message') return [['', message.get(field)]];
  if (field.fieldKind === 'list' && field.listKind === 'message')
    return [...message.get(field)].map((inner, i) => [`[${i}]`, inner as ReflectMessage]);
  if (field.fieldKind === 'map' && field.mapKind === 'message')
    return [...message.get(field)].map(([key, inner]) => [`[${String(key)}]`, inner as ReflectMessage]);
  return [];
}
