import { quote } from '../core/error.js';
import type { RuntimeOptions } from '../core/model-configuration.js';
import { nearest } from '../core/nearest.js';
import type { ModelConfig } from '../gen/inference/model_config_pb.js';
import type { ConfigFaults } from './config-faults.js';

/** More threads than any machine of these servers has cores. */
const MAX_THREADS = 1024;
/** Most parameters of a model, and characters of one. */
const MAX_PARAMETERS = 256;
const MAX_PARAMETER_CHARS = 4096;

/**
 * Entries of onnxruntime's configuration that a model may set: those that tune a run. Others of its entries name files to
 * read or write, or change what a model file means: nothing that whoever wrote a model should decide.
 */
const SESSION_ENTRIES: readonly string[] = [
  'session.disable_prepacking',
  'session.disable_double_qdq_remover',
  'session.disable_quant_qdq',
  'session.dynamic_block_base',
  'session.enable_quant_qdq_cleanup',
  'session.force_spinning_stop',
  'session.inter_op.allow_spinning',
  'session.intra_op.allow_spinning',
  'session.set_denormal_as_zero',
  'session.use_device_allocator_for_initializers',
  'session.x64quantprecision',
];

/** Triton's other parameters of its onnxruntime backend that cannot be honoured. */
const REFUSED = ['memory.enable_memory_arena_shrinkage', 'enable-global-threadpool'];

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads one parameter into the options; returns what is wanted when its text is not that. */
type Read = (text: string, into: Mutable<RuntimeOptions>) => string | undefined;

const switchOf =
  (key: 'memoryArena' | 'memoryPattern'): Read =>
  (text, into) => {
    if (text !== '0' && text !== '1') return '0 or 1';
    into[key] = text === '1';
    return undefined;
  };

const threadsOf =
  (key: 'intraOpThreads' | 'interOpThreads'): Read =>
  (text, into) => {
    const count = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
    if (!(count <= MAX_THREADS)) return `0 to ${MAX_THREADS}`;
    // 0 leaves it to the server, which shares the machine's cores among its workers.
    if (count > 0) into[key] = count;
    return undefined;
  };

const PARAMETERS: Readonly<Record<string, Read>> = {
  intra_op_thread_count: threadsOf('intraOpThreads'),
  inter_op_thread_count: threadsOf('interOpThreads'),
  execution_mode: (text, into) => {
    if (text !== '0' && text !== '1') return '0 (sequential) or 1 (parallel)';
    into.executionMode = text === '1' ? 'parallel' : 'sequential';
    return undefined;
  },
  enable_mem_arena: switchOf('memoryArena'),
  enable_mem_pattern: switchOf('memoryPattern'),
  // No option of a run: it is read where the version is prepared.
  feature_names: () => undefined,
};

/** `optimization.graph.level` as Triton's onnxruntime backend takes it. */
const GRAPH_LEVELS: Readonly<Record<string, RuntimeOptions['graphOptimization']>> = {
  '-1': 'basic',
  '0': 'all',
  '1': 'extended',
  '2': 'disabled',
};

/** The runtime's options by the parameters and the graph level. What has no meaning here is kept, with a warning. */
export function runtimeOptions(
  config: ModelConfig,
  faults: ConfigFaults,
  warnings: string[],
): RuntimeOptions {
  const options: Mutable<RuntimeOptions> = {};
  const entries: Record<string, string> = {};
  const keys = Object.keys(config.parameters);
  if (keys.length > MAX_PARAMETERS)
    faults.add('parameters', `parameters has ${keys.length} entries, at most ${MAX_PARAMETERS} are taken`);
  for (const key of keys.slice(0, MAX_PARAMETERS)) {
    const text = config.parameters[key]?.stringValue ?? '';
    const path = `parameters[${key}]`;
    const fault = Object.hasOwn(PARAMETERS, key)
      ? PARAMETERS[key]?.(text, options)
      : readOther(key, text, entries, warnings);
    if (fault !== undefined) faults.add(path, `parameter ${quote(key)} is ${quote(text)}, wanted ${fault}`);
  }
  if (Object.keys(entries).length > 0) options.entries = entries;
  const level = config.optimization?.graph?.level;
  if (level !== undefined) {
    const graphOptimization = GRAPH_LEVELS[String(level)];
    if (graphOptimization !== undefined) options.graphOptimization = graphOptimization;
    else
      faults.add(
        'optimization.graph.level',
        `optimization.graph.level is ${level}, wanted -1 (basic), 0 (all), 1 (extended) or 2 (none)`,
      );
  }
  return options;
}

function readOther(
  key: string,
  text: string,
  entries: Record<string, string>,
  warnings: string[],
): string | undefined {
  if (key.length + text.length > MAX_PARAMETER_CHARS) return `at most ${MAX_PARAMETER_CHARS} characters`;
  if (SESSION_ENTRIES.includes(key)) {
    if (!/^[\x20-\x7e]{1,64}$/.test(text)) return '1 to 64 printable characters';
    entries[key] = text;
    return undefined;
  }
  if (key.startsWith('session.') || REFUSED.includes(key))
    return `none: it is not supported. Supported are ${[...Object.keys(PARAMETERS), ...SESSION_ENTRIES].join(', ')}`;
  const near = nearest(key, [...Object.keys(PARAMETERS), ...SESSION_ENTRIES]);
  const hint = near === undefined ? '' : `. Did you mean ${quote(near)}?`;
  warnings.push(`parameter ${quote(key)} has no effect here${hint}`);
  return undefined;
}
