/** What `dynamic_batching` in config.pbtxt means, how it is refused, and how the operator's batch size narrows it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scheduling } from '../../../gateway/core/scheduling.js';
import { effectiveConfiguration } from '../../../gateway/repository/effective-configuration.js';
import { readModelConfig } from '../../../gateway/repository/model-config.js';

const DEFAULTS: Scheduling = {
  preferredBatchSizes: [],
  maxQueueDelayMs: 0,
  preserveOrdering: false,
  priorityLevels: 0,
  defaultPriorityLevel: 0,
  defaultQueuePolicy: { timeoutAction: 'reject', allowTimeoutOverride: false },
  queuePolicies: {},
};

function read(text: string) {
  const config = readModelConfig(text, 'm');
  assert.ok('configuration' in config, 'fault' in config ? `${text}: ${config.fault}` : '');
  return config;
}

function fault(text: string): string {
  const config = readModelConfig(text, 'm');
  return 'fault' in config ? config.fault : 'accepted';
}

test('dynamic_batching is read, with its times in milliseconds', () => {
  const rows: [string, Partial<Scheduling>][] = [
    ['', {}],
    ['preserve_ordering: false max_queue_delay_microseconds: 0 default_queue_policy {}', {}],
    ['preferred_batch_size: [8, 4, 8, 2]', { preferredBatchSizes: [2, 4, 8] }],
    ['max_queue_delay_microseconds: 100', { maxQueueDelayMs: 0.1 }],
    ['max_queue_delay_microseconds: 3600000000', { maxQueueDelayMs: 3_600_000 }],
    ['preserve_ordering: true', { preserveOrdering: true }],
    [
      'preserve_ordering: true priority_levels: 1 default_priority_level: 1 default_queue_policy { timeout_action: DELAY }',
      {
        preserveOrdering: true,
        priorityLevels: 1,
        defaultPriorityLevel: 1,
        defaultQueuePolicy: { timeoutAction: 'delay', allowTimeoutOverride: false },
      },
    ],
    [
      'default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 2500 allow_timeout_override: true max_queue_size: 4294967295 }',
      {
        defaultQueuePolicy: {
          timeoutAction: 'delay',
          defaultTimeoutMs: 2.5,
          allowTimeoutOverride: true,
          maxQueueSize: 4_294_967_295,
        },
      },
    ],
    [
      // A level's policy takes nothing from the default one.
      `priority_levels: 1000 default_priority_level: 1000 default_queue_policy { max_queue_size: 9 }
       priority_queue_policy { key: 1000 value { default_timeout_microseconds: 1000 } }
       priority_queue_policy { key: 1 value {} }`,
      {
        priorityLevels: 1000,
        defaultPriorityLevel: 1000,
        defaultQueuePolicy: { timeoutAction: 'reject', allowTimeoutOverride: false, maxQueueSize: 9 },
        queuePolicies: {
          1: { timeoutAction: 'reject', allowTimeoutOverride: false },
          1000: { timeoutAction: 'reject', allowTimeoutOverride: false, defaultTimeoutMs: 1 },
        },
      },
    ],
  ];
  for (const [text, expected] of rows) {
    const { configuration, warnings } = read(`max_batch_size: 8 dynamic_batching { ${text} }`);
    assert.deepEqual(configuration.scheduling, { ...DEFAULTS, ...expected }, text);
    assert.deepEqual(warnings, [], text);
    // It goes to the child that prepares versions, and comes back in the manifest.
    assert.deepEqual(JSON.parse(JSON.stringify(configuration.scheduling)), configuration.scheduling, text);
  }
  assert.equal('scheduling' in read('max_batch_size: 8').configuration, false);
});

test('preferred sizes are held against the largest batch as far as it is known', () => {
  const sizes = (text: string) => read(text).configuration.scheduling?.preferredBatchSizes;
  assert.deepEqual(sizes('max_batch_size: 8 dynamic_batching { preferred_batch_size: 8 }'), [8]);
  assert.deepEqual(sizes('dynamic_batching { preferred_batch_size: 512 }'), [512], 'filled in later');
  const at = 'dynamic_batching.preferred_batch_size';
  assert.equal(
    fault('max_batch_size: 8 dynamic_batching { preferred_batch_size: [4, 9] }'),
    `config.pbtxt:1:64: ${at}[1] is 9, wanted 1 to 8: max_batch_size is 8`,
  );
  assert.equal(
    fault('max_batch_size: 0 dynamic_batching { preferred_batch_size: 1 }'),
    `config.pbtxt:1:60: ${at}[0] is 1, wanted none: max_batch_size is 0`,
  );
  assert.equal(
    fault('max_batch_size: -1 dynamic_batching { preferred_batch_size: 1 }'),
    'config.pbtxt:1:1: max_batch_size is -1, wanted 0 to 1000000',
  );
});

test('what dynamic_batching cannot mean is refused with its place', () => {
  const d = 'dynamic_batching';
  const delay = 'timeout_action: DELAY default_timeout_microseconds: 1';
  const many = Array.from({ length: 1001 }, () => 1).join(',');
  const policies = Array.from({ length: 1001 }, (_, i) => `priority_queue_policy { key: ${i + 1} value {} }`);
  const rows: [string, string][] = [
    ['preferred_batch_size: 0', `1:42: ${d}.preferred_batch_size[0] is 0, wanted 1 to 1000000`],
    ['preferred_batch_size: 1000001', `1:42: ${d}.preferred_batch_size[0] is 1000001, wanted 1 to 1000000`],
    [
      `preferred_batch_size: [${many}]`,
      `1:20: ${d}.preferred_batch_size names 1001 sizes, wanted at most 1000`,
    ],
    [
      'max_queue_delay_microseconds: 3600000001',
      `1:20: ${d}.max_queue_delay_microseconds is 3600000001, wanted 0 to 3600000000 (an hour)`,
    ],
    [
      'priority_levels: 1001 default_priority_level: 1',
      `1:20: ${d}.priority_levels is 1001, wanted 0 to 1000`,
    ],
    ['priority_levels: 2', `1:1: ${d}.default_priority_level is 0, wanted 1 to 2: priority_levels is 2`],
    [
      'priority_levels: 2 default_priority_level: 18446744073709551615',
      `1:39: ${d}.default_priority_level is 18446744073709551615, wanted 1 to 2: priority_levels is 2`,
    ],
    [
      'priority_levels: 2 default_priority_level: 1 priority_queue_policy { key: 3 value {} } priority_queue_policy { key: 0 value {} }',
      `1:129: ${d}.priority_queue_policy[0] has the level 0, wanted 1 to 2: priority_levels is 2; config.pbtxt:1:87: ${d}.priority_queue_policy[3] has the level 3, wanted 1 to 2: priority_levels is 2`,
    ],
    [
      `priority_levels: 1001 default_priority_level: 1 ${policies.join(' ')}`,
      `1:20: ${d}.priority_levels is 1001, wanted 0 to 1000; config.pbtxt:1:68: ${d}.priority_queue_policy has 1001 policies, wanted at most 1000`,
    ],
    [
      'default_queue_policy { default_timeout_microseconds: 3600000001 }',
      `1:43: ${d}.default_queue_policy.default_timeout_microseconds is 3600000001, wanted 0 to 3600000000 (an hour)`,
    ],
    [
      'preserve_ordering: true priority_levels: 2 default_priority_level: 1',
      `1:20: ${d}.preserve_ordering is true with 2 priority_levels, wanted at most 1`,
    ],
    [
      `preserve_ordering: true default_queue_policy { ${delay} }`,
      `1:67: ${d}.default_queue_policy.timeout_action is DELAY, wanted REJECT: preserve_ordering is true`,
    ],
    [
      'preserve_ordering: true default_queue_policy { timeout_action: DELAY allow_timeout_override: true }',
      `1:67: ${d}.default_queue_policy.timeout_action is DELAY, wanted REJECT: preserve_ordering is true`,
    ],
    [
      `preserve_ordering: true priority_levels: 1 default_priority_level: 1 priority_queue_policy { key: 1 value { ${delay} } }`,
      `1:128: ${d}.priority_queue_policy[1].timeout_action is DELAY, wanted REJECT: preserve_ordering is true`,
    ],
    ['max_queue_size: 4', "1:20: unknown field 'max_queue_size' in ModelDynamicBatching"],
  ];
  for (const [text, expected] of rows)
    assert.equal(fault(`${d} { ${text} }`), `config.pbtxt:${expected}`, text.slice(0, 200));
});

test('all faults of dynamic_batching are told at once', () => {
  const all = fault(`max_batch_size: 4 dynamic_batching {
    preferred_batch_size: [0, 5] max_queue_delay_microseconds: 9000000000 priority_levels: 3
    priority_queue_policy { key: 4 value { default_timeout_microseconds: 9000000000 } } }`);
  assert.equal(all.split('; config.pbtxt:').length, 5);
  assert.match(
    all,
    /\[0\] is 0.*\[1\] is 5.*queue_delay.*default_priority_level is 0.*\[4\] has the level 4.*; and 1 more$/,
  );
});

test('what of dynamic_batching has no effect is warned of', () => {
  const rows: [string, string][] = [
    ['max_batch_size: 0 dynamic_batching {}', 'dynamic_batching has no effect: max_batch_size is 0'],
    [
      'max_batch_size: 0 dynamic_batching { default_queue_policy { max_queue_size: 1 } }',
      'dynamic_batching makes no batches: max_batch_size is 0',
    ],
    [
      'dynamic_batching { default_priority_level: 1 }',
      'dynamic_batching.default_priority_level has no effect: priority_levels is 0',
    ],
    [
      'dynamic_batching { priority_queue_policy { key: 1 value { max_queue_size: 1 } } priority_queue_policy { key: 2 value {} } }',
      'dynamic_batching.priority_queue_policy has no effect: priority_levels is 0',
    ],
  ];
  for (const [text, expected] of rows) assert.deepEqual(read(text).warnings, [expected], text);
  const { configuration } = read(
    'dynamic_batching { default_priority_level: 1 priority_queue_policy { key: 1 value {} } }',
  );
  assert.deepEqual(configuration.scheduling, DEFAULTS);
});

test("preferred sizes over sluice.yaml's maxBatchSize fall away with a warning", () => {
  const machine = { workers: 1, intraOpThreads: 1 };
  const { configuration: own } = read(
    'dynamic_batching { preferred_batch_size: [2, 4, 8] preserve_ordering: true }',
  );
  const rows: [number | undefined, number[]][] = [
    [undefined, [2, 4, 8]],
    [8, [2, 4, 8]],
    [7, [2, 4]],
    [4, [2, 4]],
    [0, []],
  ];
  for (const [maxBatchSize, expected] of rows) {
    const { configuration, warnings } = effectiveConfiguration({ maxBatchSize }, own, machine);
    assert.deepEqual(configuration.scheduling, {
      ...DEFAULTS,
      preserveOrdering: true,
      preferredBatchSizes: expected,
    });
    const warning = `dynamic_batching.preferred_batch_size: config.pbtxt names 8, sluice.yaml's maxBatchSize is ${maxBatchSize}: larger ones have no effect`;
    assert.deepEqual(warnings, expected.length === 3 ? [] : [warning]);
  }
  const none = effectiveConfiguration({ maxBatchSize: 1 }, undefined, machine);
  assert.equal('scheduling' in none.configuration, false);
});
