import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import type { ParameterValue } from '../../../gateway/core/infer-call.js';
import { checkParameters } from '../../../gateway/serving/check-parameters.js';
import { call } from './make-call.js';

test('C58 known parameters have their type, numbers are not below 0; unknown ones are anything', () => {
  const good: readonly [string, ParameterValue][] = [
    ['priority', 0n],
    ['priority', 2n ** 64n - 1n],
    ['timeout', 1n],
    ['sequence_id', 'abc'],
    ['sequence_id', 7n],
    ['sequence_start', true],
    ['sequence_end', false],
    ['binary_data_output', true],
    ['my_own', -1n],
    ['', Number.NaN],
  ];
  for (const [key, value] of good) checkParameters(call({ parameters: new Map([[key, value]]) }));
  const bad: readonly [string, ParameterValue, RegExp][] = [
    [
      'priority',
      -1n,
      /^\[request id: r1\] parameter 'priority' is -1, wanted an int64_param or uint64_param from 0/,
    ],
    ['priority', '1', /is the text '1', wanted/],
    ['priority', true, /is true, wanted/],
    ['timeout', 1.5, /is the double 1\.5, wanted/],
    ['timeout', -(2n ** 63n), /is -9223372036854775808, wanted/],
    ['sequence_id', -1n, /is -1, wanted .* or a string_param/],
    ['sequence_id', false, /is false, wanted/],
    ['sequence_start', 1n, /is 1, wanted a bool_param/],
    ['sequence_end', 'true', /is the text 'true', wanted a bool_param/],
    ['binary_data_output', 'x'.repeat(10_000), /is the text 'x+…/],
  ];
  for (const [key, value, message] of bad) {
    const parameters = new Map([
      ['other', 'x' as ParameterValue],
      [key, value],
    ]);
    assert.throws(
      () => checkParameters(call({ parameters })),
      (error) => {
        assert.ok(error instanceof GatewayError);
        assert.equal(error.code, 'INVALID_ARGUMENT');
        assert.equal(error.details.field, `parameters['${key}']`);
        assert.match(error.message, message);
        assert.ok(error.message.length < 400);
        return true;
      },
    );
  }
});
