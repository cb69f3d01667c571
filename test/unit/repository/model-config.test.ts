/** What a config.pbtxt means, by tables: honoured, refused by name, or warned of. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelConfiguration } from '../../../gateway/core/model-configuration.js';
import { effectiveConfiguration } from '../../../gateway/repository/effective-configuration.js';
import { readModelConfig } from '../../../gateway/repository/model-config.js';

function read(text: string): { configuration: ModelConfiguration; warnings: readonly string[] } {
  const config = readModelConfig(text, 'm');
  assert.ok('configuration' in config, 'fault' in config ? `${text}: ${config.fault}` : '');
  return config;
}

function fault(text: string): string {
  const config = readModelConfig(text, 'm');
  return 'fault' in config ? config.fault : 'accepted';
}

test('fields that are honoured', () => {
  const nothing: ModelConfiguration = { inputs: [], outputs: [], parameters: {}, runtime: {} };
  const rows: [string, Partial<ModelConfiguration>][] = [
    ['', {}],
    ['name: "m" platform: "onnxruntime_onnx" backend: "onnxruntime"', {}],
    ['max_batch_size: 8', { maxBatchSize: 8 }],
    ['max_batch_size: 0', { maxBatchSize: 0 }],
    [
      'input { name: "X" data_type: TYPE_FP32 dims: [-1, 4] }',
      { inputs: [{ name: 'X', datatype: 'FP32', dims: [-1, 4] }] },
    ],
    [
      'input { name: "X" data_type: TYPE_UINT8 format: FORMAT_NCHW dims: [3, 2, 2] }',
      { inputs: [{ name: 'X', datatype: 'UINT8', dims: [3, 2, 2], format: 'FORMAT_NCHW' }] },
    ],
    [
      // Both declared and no size: not batched, as Triton has it.
      'input { name: "X" data_type: TYPE_STRING dims: 1 } output { name: "Y" data_type: TYPE_INT64 dims: [] label_filename: "a/labels.txt" }',
      {
        maxBatchSize: 0,
        inputs: [{ name: 'X', datatype: 'BYTES', dims: [1] }],
        outputs: [{ name: 'Y', datatype: 'INT64', dims: [], labelFilename: 'a/labels.txt' }],
      },
    ],
    [
      'output { name: "Y" data_type: TYPE_FP32 dims: 6 reshape { shape: [1, 2, 3] } }',
      { outputs: [{ name: 'Y', datatype: 'FP32', dims: [6], reshape: [1, 2, 3] }] },
    ],
    [
      'output { name: "Y" data_type: TYPE_FP32 dims: 1 reshape { shape: [] } }',
      { outputs: [{ name: 'Y', datatype: 'FP32', dims: [1], reshape: [] }] },
    ],
    ['version_policy { latest { num_versions: 2 } }', { versionPolicy: { latest: 2 } }],
    ['version_policy { all {} }', { versionPolicy: 'all' }],
    ['version_policy { specific { versions: [1, 3] } }', { versionPolicy: { specific: [1, 3] } }],
    ['version_policy {}', {}],
    ['instance_group [ { kind: KIND_CPU count: 2 }, { count: 1 } ]', { instanceCount: 3 }],
    ['instance_group { kind: KIND_CPU }', {}],
    ['default_model_filename: "resnet.onnx"', { defaultModelFilename: 'resnet.onnx' }],
    ['optimization { graph { level: 1 } }', { graphLevel: 1, runtime: { graphOptimization: 'extended' } }],
    ['optimization { graph { level: -1 } }', { graphLevel: -1, runtime: { graphOptimization: 'basic' } }],
    ['optimization { graph { level: 2 } }', { graphLevel: 2, runtime: { graphOptimization: 'disabled' } }],
    ['optimization { graph {} }', { graphLevel: 0, runtime: { graphOptimization: 'all' } }],
    // What equals the defaults asks for nothing.
    ['model_transaction_policy { decoupled: false } response_cache { enable: false }', {}],
  ];
  for (const [text, expected] of rows) {
    const { configuration, warnings } = read(text);
    assert.deepEqual(configuration, { ...nothing, ...expected }, text);
    assert.deepEqual(warnings, [], text);
  }
});

test('parameters of the runtime', () => {
  const rows: [string, string, ModelConfiguration['runtime'] | RegExp][] = [
    ['intra_op_thread_count', '2', { intraOpThreads: 2 }],
    ['intra_op_thread_count', '0', {}],
    ['inter_op_thread_count', '3', { interOpThreads: 3 }],
    ['execution_mode', '1', { executionMode: 'parallel' }],
    ['execution_mode', '0', { executionMode: 'sequential' }],
    ['enable_mem_arena', '0', { memoryArena: false }],
    ['enable_mem_pattern', '1', { memoryPattern: true }],
    ['session.set_denormal_as_zero', '1', { entries: { 'session.set_denormal_as_zero': '1' } }],
    [
      'intra_op_thread_count',
      'two',
      /^config.pbtxt:1:12: parameter 'intra_op_thread_count' is 'two', wanted 0 to 1024$/,
    ],
    ['intra_op_thread_count', '-1', /wanted 0 to 1024/],
    ['intra_op_thread_count', '2000', /wanted 0 to 1024/],
    ['execution_mode', '2', /wanted 0 \(sequential\) or 1 \(parallel\)/],
    ['enable_mem_arena', 'yes', /wanted 0 or 1/],
    [
      'session.save_model_format',
      'ORT',
      /wanted none: it is not supported. Supported are intra_op_thread_count, /,
    ],
    ['session.set_denormal_as_zero', '\\n', /printable/],
    ['memory.enable_memory_arena_shrinkage', 'cpu:0', /it is not supported/],
    ['constructor', '1', {}],
  ];
  for (const [key, value, expected] of rows) {
    const text = `parameters { key: "${key}" value { string_value: "${value}" } }`;
    if (expected instanceof RegExp) assert.match(fault(text), expected);
    else {
      const { configuration } = read(text);
      assert.deepEqual(configuration.runtime, expected, key);
      assert.deepEqual(configuration.parameters, { [key]: value });
    }
  }
});

test('what is wrong or not supported is named, with its line and column', () => {
  const rows: [string, string][] = [
    [
      'name: "other"',
      "config.pbtxt:1:1: name is 'other', but the model is served as 'm', after its directory",
    ],
    ['platform: "tensorrt_plan"', "config.pbtxt:1:1: platform is 'tensorrt_plan', wanted 'onnxruntime_onnx'"],
    ['backend: "python"', "config.pbtxt:1:1: backend is 'python', wanted 'onnxruntime'"],
    ['max_batch_size: -1', 'config.pbtxt:1:1: max_batch_size is -1, wanted 0 to 1000000'],
    [
      'default_model_filename: "../m.onnx"',
      "config.pbtxt:1:1: default_model_filename is '../m.onnx', wanted the name of a file, without directories",
    ],
    [
      'version_policy { latest {} }',
      'config.pbtxt:1:18: version_policy.latest.num_versions is 0, wanted 1 to 1000',
    ],
    [
      'version_policy { specific { versions: [1, -2] } }',
      'config.pbtxt:1:29: version_policy.specific.versions names -2, wanted 1 to 2^53 - 1',
    ],
    [
      'version_policy { specific {} }',
      'config.pbtxt:1:18: version_policy.specific.versions names 0 versions, wanted 1 to 1000',
    ],
    ['input { data_type: TYPE_FP32 dims: 1 }', 'config.pbtxt:1:7: input[0] has no name'],
    ['input { name: "X" dims: 1 }', 'config.pbtxt:1:7: input[0] has no data_type'],
    ['input { name: "X" data_type: TYPE_FP32 }', 'config.pbtxt:1:7: input[0] has no dims'],
    [
      'input { name: "X" data_type: TYPE_FP32 dims: [1, 0] }',
      'config.pbtxt:1:50: input[0].dims[1] is 0, wanted a size of 1 or more, or -1 for a variable one',
    ],
    [
      'input { name: "X" data_type: TYPE_FP32 dims: 1 format: FORMAT_NHWC }',
      'config.pbtxt:1:40: input[0].dims has 1 dimensions, an image (format) has 3',
    ],
    [
      'output { name: "Y" data_type: TYPE_FP32 dims: 1 label_filename: "../x" }',
      "config.pbtxt:1:49: output[0].label_filename is '../x', wanted a path inside of the model's directory",
    ],
    [
      'output { name: "Y" data_type: TYPE_FP32 dims: 1 label_filename: "/etc/passwd" }',
      "config.pbtxt:1:49: output[0].label_filename is '/etc/passwd', wanted a path inside of the model's directory",
    ],
    [
      'instance_group { kind: KIND_GPU gpus: 0 }',
      'config.pbtxt:1:33: instance_group[0].gpus is not supported by this server: this server runs on CPUs; config.pbtxt:1:18: instance_group[0].kind is KIND_GPU, wanted KIND_CPU or KIND_AUTO: this server runs on CPUs',
    ],
    [
      'input { name: "X" data_type: TYPE_FP32 dims: 6 reshape { shape: [4] } }',
      'config.pbtxt:1:48: input[0].reshape is [4], which has not as many elements as dims [6]',
    ],
    [
      'input { name: "X" data_type: TYPE_FP32 dims: -1 reshape { shape: [1, -1] } }',
      'config.pbtxt:1:49: input[0].reshape is not supported by this server for variable dimensions',
    ],
    ['instance_group { count: -1 }', 'config.pbtxt:1:18: instance_group[0].count is -1, wanted 0 to 1024'],
    [
      'optimization { graph { level: 3 } }',
      'config.pbtxt:1:24: optimization.graph.level is 3, wanted -1 (basic), 0 (all), 1 (extended) or 2 (none)',
    ],
    ['bogus: 1', "config.pbtxt:1:1: unknown field 'bogus' in ModelConfig"],
    [
      'metric_tags { key: "a]b" value: "c" }',
      'config.pbtxt:1:1: metric_tags is not supported by this server',
    ],
    [
      'parameters { key: "a]b" value { string_value: "\\n" } } execution: 1',
      "config.pbtxt:1:56: unknown field 'execution' in ModelConfig",
    ],
  ];
  for (const [text, expected] of rows) assert.equal(fault(text), expected, text);
});

test('no known field that is not supported is ignored', () => {
  const rows: [string, string][] = [
    ['sequence_batching {}', 'sequence_batching'],
    ['ensemble_scheduling {}', 'ensemble_scheduling'],
    ['input { name: "X" data_type: TYPE_FP32 dims: 1 optional: true }', 'input[0].optional'],
    [
      'input { name: "X" data_type: TYPE_FP32 dims: 1 allow_ragged_batch: true }',
      'input[0].allow_ragged_batch',
    ],
    ['input { name: "X" data_type: TYPE_FP32 dims: 1 is_shape_tensor: true }', 'input[0].is_shape_tensor'],
    ['instance_group { profile: "p" }', 'instance_group[0].profile'],
    ['instance_group { rate_limiter {} }', 'instance_group[0].rate_limiter'],
    ['instance_group { passive: true }', 'instance_group[0].passive'],
    ['instance_group { host_policy: "h" }', 'instance_group[0].host_policy'],
    ['optimization { priority: PRIORITY_MAX }', 'optimization.priority'],
    ['optimization { cuda {} }', 'optimization.cuda'],
    ['optimization { execution_accelerators {} }', 'optimization.execution_accelerators'],
    ['optimization { eager_batching: true }', 'optimization.eager_batching'],
    ['model_transaction_policy { decoupled: true }', 'model_transaction_policy.decoupled'],
    ['model_operations { op_library_filename: "x.so" }', 'model_operations.op_library_filename'],
    ['model_repository_agents { agents {} }', 'model_repository_agents.agents'],
    ['response_cache { enable: true }', 'response_cache.enable'],
    ['model_metrics { metric_control {} }', 'model_metrics.metric_control'],
    ['cc_model_filenames { key: "a" value: "b" }', 'cc_model_filenames'],
    ['batch_input {}', 'batch_input'],
    ['batch_output {}', 'batch_output'],
    ['runtime: "x"', 'runtime'],
  ];
  for (const [text, path] of rows)
    assert.ok(fault(text).includes(`: ${path} is not supported by this server`), `${text}: ${fault(text)}`);
});

test('many faults are told together, a bounded number of them', () => {
  const all = fault(Array.from({ length: 50 }, () => 'instance_group { passive: true }').join('\n'));
  assert.match(all, /^config.pbtxt:1:18: instance_group\[0\].passive .*; and 45 more$/);
  assert.ok(all.length < 1000);
});

test('what has no effect is warned of', () => {
  const rows: [string, RegExp][] = [
    [
      'optimization { input_pinned_memory { enable: true } }',
      /^optimization.input_pinned_memory has no effect: this server runs on CPUs$/,
    ],
    [
      'parameters { key: "intra_op_threads_count" value { string_value: "1" } }',
      /^parameter 'intra_op_threads_count' has no effect here. Did you mean 'intra_op_thread_count'\?$/,
    ],
    ['parameters { key: "team" value { string_value: "vision" } }', /^parameter 'team' has no effect here$/],
  ];
  for (const [text, expected] of rows) {
    const { warnings } = read(text);
    assert.equal(warnings.length, 1, text);
    assert.match(warnings[0] ?? '', expected);
  }
});

test('sluice.yaml comes before config.pbtxt, and a conflict names both', () => {
  const machine = { workers: 2, intraOpThreads: 1 };
  const { configuration: own } = read('max_batch_size: 8 version_policy { latest { num_versions: 2 } }');
  const both = effectiveConfiguration({ versionPolicy: 'all', maxBatchSize: 4 }, own, machine);
  assert.equal(both.maxBatchSize, 4);
  assert.equal(both.configuration.versionPolicy, 'all');
  assert.equal(both.configuration.maxBatchSize, 8, 'what the declared dims go by');
  assert.deepEqual(both.warnings, [
    'versionPolicy: config.pbtxt says latest 2, sluice.yaml says all, which holds',
    'maxBatchSize: config.pbtxt says 8, sluice.yaml says 4, which holds',
  ]);
  const agreed = effectiveConfiguration({ versionPolicy: { latest: 2 }, maxBatchSize: 8 }, own, machine);
  assert.deepEqual(agreed.warnings, []);
  const alone = effectiveConfiguration(undefined, own, machine);
  assert.deepEqual([alone.maxBatchSize, alone.configuration.versionPolicy], [8, { latest: 2 }]);
  const none = effectiveConfiguration(undefined, undefined, machine);
  assert.deepEqual([none.maxBatchSize, none.configuration.versionPolicy], [undefined, { latest: 1 }]);
  assert.equal(none.configuration.instanceCount, 2);
});

test('more instances than workers, or more threads than a worker’s share, is warned of', () => {
  const { configuration } = read(
    'instance_group { count: 4 } parameters { key: "intra_op_thread_count" value { string_value: "8" } }',
  );
  const { warnings, configuration: effective } = effectiveConfiguration({}, configuration, {
    workers: 2,
    intraOpThreads: 1,
  });
  assert.equal(effective.instanceCount, 2);
  assert.match(warnings[0] ?? '', /4 instances, but the server has 2 workers/);
  assert.match(warnings[1] ?? '', /intra_op_thread_count is 8, each worker's share of the cores is 1/);
});
