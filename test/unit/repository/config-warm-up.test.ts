/** What `model_warmup` in config.pbtxt means, and how it is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readModelConfig } from '../../../gateway/repository/model-config.js';

const sample = (fields: string, input = 'data_type: TYPE_FP32 dims: 4 zero_data: true') =>
  `model_warmup { ${fields} inputs { key: "X" value { ${input} } } }`;

function fault(text: string): string {
  const config = readModelConfig(text, 'm');
  return 'fault' in config ? config.fault.replaceAll(/config\.pbtxt(?::\d+:\d+)?: /g, '') : 'accepted';
}

test('samples are plain data, with zeros, random numbers or a file', () => {
  const text = `max_batch_size: 8
    model_warmup {
      name: "all" batch_size: 2 count: 3
      inputs { key: "X" value { data_type: TYPE_FP32 dims: [2, 3] zero_data: true } }
      inputs { key: "S" value { data_type: TYPE_STRING dims: 1 random_data: true } }
      inputs { key: "I" value { data_type: TYPE_INT64 dims: [] input_data_file: "a/i.bin" } }
    }
    ${sample('name: "none" batch_size: 0')}`;
  const config = readModelConfig(text, 'm');
  assert.ok('configuration' in config, JSON.stringify(config));
  assert.deepEqual(config.configuration.warmUp, [
    {
      name: 'all',
      batchSize: 2,
      count: 3,
      inputs: [
        { name: 'X', datatype: 'FP32', dims: [2, 3], data: 'zero' },
        { name: 'S', datatype: 'BYTES', dims: [1], data: 'random' },
        { name: 'I', datatype: 'INT64', dims: [], data: { file: 'a/i.bin' } },
      ],
    },
    {
      name: 'none',
      batchSize: 0,
      count: 0,
      inputs: [{ name: 'X', datatype: 'FP32', dims: [4], data: 'zero' }],
    },
  ]);
  assert.deepEqual(config.warnings, ['model_warmup[1] has no effect: its batch_size is 0']);
});

test('what cannot be a sample is refused by name', () => {
  const good = 'name: "w" batch_size: 1';
  const rows: [string, RegExp | string][] = [
    [sample(good), 'accepted'],
    [sample('batch_size: 1'), 'model_warmup[0] has no name'],
    [sample(good) + sample(good), "model_warmup[1] has the name 'w', as another sample"],
    [`model_warmup { ${good} }`, 'model_warmup[0] has no inputs'],
    [
      `max_batch_size: 4 ${sample('name: "w" batch_size: 5')}`,
      /batch_size is 5, wanted 1 to 4, the max_batch_size$/,
    ],
    [sample(`${good} count: 1000`), 'accepted'],
    [sample(`${good} count: 1001`), 'model_warmup[0].count is 1001, wanted 0 to 1000'],
    [sample(good, 'dims: 4 zero_data: true'), 'model_warmup[0].inputs[X] has no data_type'],
    [
      sample(good, 'data_type: TYPE_FP32 dims: [4, -1] zero_data: true'),
      'model_warmup[0].inputs[X].dims[1] is -1, wanted a size: the data has one',
    ],
    [
      sample(good, 'data_type: TYPE_FP32 dims: 0 zero_data: true'),
      /inputs\[X\]\.dims\[0\] is 0, wanted a size/,
    ],
    ...['', 'zero_data: false', 'random_data: false'].map((data): [string, string] => [
      sample(good, `data_type: TYPE_FP32 dims: 4 ${data}`),
      'model_warmup[0].inputs[X] has no data, wanted zero_data: true, random_data: true or input_data_file',
    ]),
    ...['', '../x', '/etc/passwd', 'a/../../x', 'a//b'].map((file): [string, string] => [
      sample(good, `data_type: TYPE_FP32 dims: 4 input_data_file: "${file}"`),
      `model_warmup[0].inputs[X].input_data_file is '${file}', wanted a path inside of the folder 'warmup' in the model's directory`,
    ]),
    // 64 MiB: 2^24 numbers of 4 bytes, rows counted.
    [sample('name: "w" batch_size: 16', 'data_type: TYPE_FP32 dims: 1048576 zero_data: true'), 'accepted'],
    [
      sample('name: "w" batch_size: 17', 'data_type: TYPE_FP32 dims: 1048576 zero_data: true'),
      'model_warmup[0] has 71303168 bytes of input, at most 67108864 are taken',
    ],
    [
      sample('name: "w" batch_size: 4294967295', 'data_type: TYPE_STRING dims: 1 zero_data: true'),
      /bytes of input/,
    ],
    [
      Array.from({ length: 101 }, (_, i) => sample(`name: "w${i}" batch_size: 1`)).join(''),
      'model_warmup has 101 samples, at most 100 are taken',
    ],
  ];
  for (const [text, expected] of rows)
    if (typeof expected === 'string') assert.equal(fault(text), expected, text);
    else assert.match(fault(text), expected, text);
});
