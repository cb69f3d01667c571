import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeLimitMs } from '../../../../gateway/http/call/time-limit.js';

test('no header, no limit; of several the least', () => {
  assert.equal(timeLimitMs({}), Number.POSITIVE_INFINITY);
  assert.equal(timeLimitMs({ 'sluice-timeout-ms': '250' }), 250);
  assert.equal(timeLimitMs({ 'grpc-timeout': '2S' }), 2000);
  assert.equal(timeLimitMs({ 'x-envoy-expected-rq-timeout-ms': '15' }), 15);
  assert.equal(
    timeLimitMs({
      'grpc-timeout': '1S',
      'sluice-timeout-ms': '900',
      'x-envoy-expected-rq-timeout-ms': '1000',
    }),
    900,
  );
});

test('0 is no time at all, but from Envoy, who says so for no limit', () => {
  assert.equal(timeLimitMs({ 'sluice-timeout-ms': '0' }), 0);
  assert.equal(timeLimitMs({ 'x-envoy-expected-rq-timeout-ms': '0' }), Number.POSITIVE_INFINITY);
});

test('what is no time is refused by the name of its header', () => {
  for (const [name, texts] of Object.entries({
    'sluice-timeout-ms': ['', '-1', '1.5', '1e3', 'soon', '1'.repeat(10)],
    'grpc-timeout': ['', '1', 'S', '123456789S', '1s'],
    'x-envoy-expected-rq-timeout-ms': ['1 s'],
  }))
    for (const text of texts)
      assert.throws(
        () => timeLimitMs({ [name]: text }),
        new RegExp(`the header '${name}' is '`),
        `${name}: ${text}`,
      );
});
