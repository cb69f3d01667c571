/** protobuf's text format, held against protobuf-es by the messages of Triton's model_config.proto. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type JsonValue, toJson } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { ModelConfigSchema } from '../../../../gateway/gen/inference/model_config_pb.js';
import { parseText } from '../../../../gateway/repository/pbtxt/parser.js';
import { PbtxtError } from '../../../../gateway/repository/pbtxt/pbtxt-error.js';
import { inventMessage, printText } from '../../../support/pbtxt.js';

function json(text: string): JsonValue {
  return toJson(ModelConfigSchema, parseText(ModelConfigSchema, text).message, { useProtoFieldName: true });
}

/** `line:column: message` of the fault in a text. */
function fault(text: string): string {
  try {
    parseText(ModelConfigSchema, text);
  } catch (error) {
    assert.ok(error instanceof PbtxtError, String(error));
    return `${error.place.line}:${error.place.column}: ${error.message}`;
  }
  return 'accepted';
}

test('what people write in config.pbtxt is read as protobuf reads it', () => {
  const rows: [string, string, JsonValue][] = [
    ['nothing', '', {}],
    ['comments only', '# a\n  # b', {}],
    [
      'a scalar, with and without a separator',
      'name: "m" max_batch_size: 8;',
      { name: 'm', max_batch_size: 8 },
    ],
    ['either quote', "name: 'it\"s'", { name: 'it"s' }],
    ['strings that follow each other are one', 'name: "a" \'b\'\n  "c"', { name: 'abc' }],
    ['escapes', 'name: "\\101\\x42\\n\\u00e9\\U0001F642\\?\\\'"', { name: "AB\né🙂?'" }],
    ['bytes of UTF-8 in escapes', 'name: "\\303\\251"', { name: 'é' }],
    [
      'hex and octal',
      'max_batch_size: 0x10 input { dims: 010 dims: -0x1 }',
      { max_batch_size: 16, input: [{ dims: ['8', '-1'] }] },
    ],
    ['a minus apart from its number', 'input { dims: - # why\n 1 }', { input: [{ dims: ['-1'] }] }],
    [
      'a message with a colon, and in angle brackets',
      'input: { name: "a" } input < name: "b" >',
      { input: [{ name: 'a' }, { name: 'b' }] },
    ],
    [
      'a list of messages',
      'input [ { name: "a" }, < name: "b" > ]',
      { input: [{ name: 'a' }, { name: 'b' }] },
    ],
    ['lists add up', 'input { dims: [1, 2] dims: 3 dims: [] }', { input: [{ dims: ['1', '2', '3'] }] }],
    [
      'an enum by name and by number',
      'input { data_type: TYPE_FP32 } input { data_type: 13 }',
      { input: [{ data_type: 'TYPE_FP32' }, { data_type: 'TYPE_STRING' }] },
    ],
    [
      'bools',
      'response_cache { enable: t } model_transaction_policy { decoupled: True }',
      { response_cache: { enable: true }, model_transaction_policy: { decoupled: true } },
    ],
    [
      'floats',
      'sequence_batching { direct { minimum_slot_utilization: 0.5f } }',
      { sequence_batching: { direct: { minimum_slot_utilization: 0.5 } } },
    ],
    [
      'a float without a fraction',
      'sequence_batching { direct { minimum_slot_utilization: 1F } }',
      { sequence_batching: { direct: { minimum_slot_utilization: 1 } } },
    ],
    [
      'an infinite one',
      'sequence_batching { direct { minimum_slot_utilization: -inf } }',
      { sequence_batching: { direct: { minimum_slot_utilization: '-Infinity' } } },
    ],
    [
      'a map',
      'parameters { key: "a" value { string_value: "1" } } parameters: { value: { string_value: "2" }, key: "b" }',
      { parameters: { a: { string_value: '1' }, b: { string_value: '2' } } },
    ],
    [
      'a map as a list, and an entry without a value',
      'metric_tags [ { key: "a" value: "1" }, { key: "b" } ]',
      { metric_tags: { a: '1', b: '' } },
    ],
    [
      'a map from numbers',
      'dynamic_batching { priority_queue_policy { key: 2 value { max_queue_size: 3 } } }',
      { dynamic_batching: { priority_queue_policy: { 2: { max_queue_size: 3 } } } },
    ],
    ['an empty message sets its oneof', 'version_policy: { all { }}', { version_policy: { all: {} } }],
    ['carriage returns', 'name: "m"\r\nmax_batch_size: 1\r\n', { name: 'm', max_batch_size: 1 }],
    [
      'every separator',
      'name: "m", max_batch_size: 1; backend: "x",',
      { name: 'm', max_batch_size: 1, backend: 'x' },
    ],
  ];
  for (const [what, text, expected] of rows) assert.deepEqual(json(text), expected, what);
});

test('every fault is told with its line and column', () => {
  const rows: [string, string][] = [
    ['max_batchsize: 8', "1:1: unknown field 'max_batchsize' in ModelConfig: did you mean 'max_batch_size'?"],
    ['name: "m"\n  zzz: 1', "2:3: unknown field 'zzz' in ModelConfig"],
    ['input { nme: "a" }', "1:9: unknown field 'nme' in ModelInput: did you mean 'name'?"],
    ['maxBatchSize: 8', "1:1: unknown field 'maxBatchSize' in ModelConfig: did you mean 'max_batch_size'?"],
    ['name: "m"\nname: "n"', "2:1: field 'name' is given twice: first at 1:1"],
    ['optimization {} optimization {}', "1:17: field 'optimization' is given twice: first at 1:1"],
    [
      'version_policy { all {} latest { num_versions: 1 } }',
      "1:25: field 'latest' excludes 'all', of which only one may be given: first at 1:18",
    ],
    ['max_batch_size: "8"', `1:17: 'max_batch_size' is '"8"', wanted a whole number`],
    ['max_batch_size: 1.5', "1:17: 'max_batch_size' is '1.5', wanted a whole number"],
    [
      'max_batch_size: 2147483648',
      "1:17: 'max_batch_size' is '2147483648', wanted a whole number from -2147483648 to 2147483647",
    ],
    ['max_batch_size: 09', "1:17: 'max_batch_size' is '09', wanted a whole number"],
    [
      'input { dims: 9223372036854775808 }',
      "1:15: 'dims' is '9223372036854775808', wanted a whole number from -9223372036854775808 to 9223372036854775807",
    ],
    [
      'version_policy { latest { num_versions: -1 } }',
      "1:41: 'num_versions' is '-1', wanted a whole number from 0 to 4294967295",
    ],
    ['max_batch_size: 12abc', "1:17: '12abc' is not a number"],
    ['max_batch_size: 0xzz', "1:17: '0xzz' is not a number"],
    ['name: m', "1:7: 'name' is 'm', wanted a string: in quotes"],
    ['name: -"m"', `1:7: 'name' is '-"m"', wanted a string: in quotes`],
    ['name: "m', '1:7: a string that does not end on its line: its closing quote is missing'],
    ['name: "m\n"', '1:7: a string that does not end on its line: its closing quote is missing'],
    ['name: "a\\q"', "1:9: '\\q' is no escape in a string"],
    ['name: "\\777"', "1:8: '\\777' is more than a byte can be: at most \\377"],
    ['name: "\\ud800"', "1:8: '\\ud800' is not a character of Unicode"],
    ['name: "\\xff"', `1:7: 'name' is '"\\xff"', wanted a string whose escapes give valid UTF-8`],
    ['name "m"', "1:6: ':' is missing after 'name'"],
    ['name:', "1:6: the text ends where the value of 'name' is due"],
    ['name: }', "1:7: '}' where the value of 'name' is due"],
    ['name: ["m"]', "1:7: a list where 'name' wants one value"],
    ['input: 5', "1:8: '5' where 'input' wants a message: {…}"],
    ['input { name: "a"', "1:18: the text ends where '}' is due, of ModelInput"],
    ['input { name: "a" >', "1:19: '>' where the name of a field of ModelInput is due"],
    ['}', "1:1: '}' where the name of a field of ModelConfig is due"],
    ['input { dims: [1, 2 }', "1:21: '}' where ',' or ']' is due, of 'dims'"],
    ['input { dims: [1,] }', "1:18: ']' where the value of 'dims' is due"],
    [
      'input { data_type: TYPE_FP3 }',
      "1:20: 'data_type' is 'TYPE_FP3', wanted one of TYPE_INVALID, TYPE_BOOL, TYPE_UINT8, TYPE_UINT16, TYPE_UINT32, TYPE_UINT64, TYPE_INT8, TYPE_INT16, TYPE_INT32, TYPE_INT64, TYPE_FP16, TYPE_FP32, TYPE_FP64, TYPE_STRING, TYPE_BF16: did you mean TYPE_FP32?",
    ],
    ['input { format: 7 }', "1:17: 'format' is '7', wanted one of FORMAT_NONE, FORMAT_NHWC, FORMAT_NCHW"],
    ['response_cache { enable: yes }', "1:26: 'enable' is 'yes', wanted true or false"],
    ['response_cache { enable: 2 }', "1:26: 'enable' is '2', wanted true or false"],
    [
      'sequence_batching { direct { minimum_slot_utilization: 0x1 } }',
      "1:56: 'minimum_slot_utilization' is '0x1', wanted a decimal number",
    ],
    [
      'metric_tags { key: "a" value: "1" }\nmetric_tags { key: "a" }',
      "2:13: key 'a' is given twice in 'metric_tags'",
    ],
    ['metric_tags { key: "a" key: "b" }', "1:24: 'key' is given twice in an entry of 'metric_tags'"],
    ['metric_tags { kee: "a" }', "1:15: 'kee' in an entry of 'metric_tags': wanted key and value"],
    [
      'metric_tags { key: "a"',
      "1:23: the end of the text in an entry of 'metric_tags': wanted key and value",
    ],
    ['metric_tags { key: "__proto__" }', "1:13: key '__proto__' is not taken in 'metric_tags'"],
    ['[some.extension]: 1', '1:1: extensions ([…]) are not fields of ModelConfig'],
    ['name: "m" %', "1:11: unexpected character '%'"],
    ['\tname: ☃', "1:8: unexpected character '☃'"],
  ];
  for (const [text, expected] of rows) assert.equal(fault(text), expected, text);
});

test('a large or deep text is answered in time', () => {
  const started = process.cpuUsage();
  assert.match(fault(`input ${'{ reshape '.repeat(50_000)}`), /unknown field 'reshape'/);
  assert.match(fault(`name: "${'x'.repeat(500_000)}`), /closing quote/);
  assert.equal(fault(`${'# c\n'.repeat(100_000)}name: "${'\\n'.repeat(200_000)}"`), 'accepted');
  assert.match(fault(`input { dims: [${'1,'.repeat(100_000)}1] }`), /over 20000/);
  assert.ok(process.cpuUsage(started).user < 2_000_000);
});

test('what is printed in any spelling is read back as the same message', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1000), { minLength: 50, maxLength: 400 }), (numbers) => {
      let at = 0;
      const choose = (n: number) => ((numbers[at++ % numbers.length] as number) + at) % n;
      const { message } = inventMessage(ModelConfigSchema, choose);
      const text = printText(ModelConfigSchema, message, choose);
      const options = { useProtoFieldName: true };
      assert.deepEqual(json(text), toJson(ModelConfigSchema, message as never, options), text);
    }),
    { numRuns: 300 },
  );
});

test('a large text costs time for its length, wherever its newlines are, and of values so many are read', () => {
  const dims = `input { dims: [${'1,'.repeat(15_000)}1] }`;
  const msOf = (text: string): number => {
    const startedAt = performance.now();
    parseText(ModelConfigSchema, text);
    return performance.now() - startedAt;
  };
  msOf(dims);
  const short = msOf(dims);
  const long = msOf(`${dims} # ${'x'.repeat(1_000_000)}`);
  assert.ok(long < 50 + 5 * short, `${long} ms with a long comment on the line, ${short} ms without`);
  assert.match(
    fault(`input { dims: [${'1,'.repeat(20_000)}1] }`),
    /^1:400\d\d: the text has over 20000 fields/,
  );
});
