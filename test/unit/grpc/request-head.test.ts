import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readGrpcTimeout } from '../../../gateway/core/grpc-timeout.js';
import { percentEncode } from '../../../gateway/grpc/answer-blocks.js';
import { onlyValue, readHead } from '../../../gateway/grpc/request-head.js';

const POST = { method: 'POST', path: '/a/b', authority: '', contentLength: undefined };
const GRPC = ['content-type', 'application/grpc', 'te', 'trailers'];

test('B33 grpc-timeout is at most 8 digits and a unit, in whole milliseconds', () => {
  for (const [text, ms] of [
    ['1S', 1000],
    ['250m', 250],
    ['2M', 120_000],
    ['3H', 10_800_000],
    ['99999999H', 99_999_999 * 3_600_000],
    ['1500u', 1],
    ['1n', 0],
    ['0m', 0],
  ] as const)
    assert.equal(readGrpcTimeout(text), ms, text);
  for (const text of ['banana', '-5S', '123456789m', '', '5X', 'S', '1.5S', '1 S', '+1S'])
    assert.equal(readGrpcTimeout(text), undefined, text);
});

test('B20 only application/grpc, with or without +proto, is gRPC', () => {
  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc; charset=utf-8'])
    assert.deepEqual(readHead(POST, ['content-type', type, 'te', 'trailers']), {
      timeoutMs: Number.POSITIVE_INFINITY,
      encoding: 'identity',
      debug: false,
    });
  for (const type of [
    'application/grpc-web',
    'application/grpc+json',
    'application/grpc+protobuf',
    'text/plain',
  ])
    assert.deepEqual(
      readHead(POST, ['content-type', type, 'te', 'trailers']),
      { kind: 'http', status: 415 },
      type,
    );
});

test('B21 another method than POST, or no te, is refused in HTTP’s own terms', () => {
  assert.deepEqual(readHead({ ...POST, method: 'GET' }, GRPC), { kind: 'http', status: 405 });
  assert.deepEqual(readHead(POST, GRPC.slice(0, 2)), { kind: 'reset' });
});

test('B37 metadata that says it is base64 has to be', () => {
  for (const value of ['AQI', 'AQI=', 'AQI=,AQID', ''])
    assert.equal('kind' in readHead(POST, [...GRPC, 'x-bin', value]), false, value);
  for (const value of ['*', 'AQ=I', 'é'])
    assert.deepEqual(readHead(POST, [...GRPC, 'x-bin', value]), { kind: 'base64', name: 'x-bin' }, value);
});

test('B41 grpc-message is UTF-8, with everything but printable ASCII as %XX', () => {
  assert.equal(percentEncode('plain text'), 'plain text');
  assert.equal(percentEncode(' a b '), '%20a b%20');
  assert.equal(percentEncode(''), '');
  assert.equal(percentEncode('100%\r\nß\0'), '100%25%0D%0A%C3%9F%00');
});

test('a header that is given twice has no value: nobody knows which one was meant', () => {
  const fields = ['te', 'trailers', 'authorization', 'Bearer a', 'x', 'authorization'];
  assert.equal(onlyValue(fields, 'authorization'), 'Bearer a');
  assert.equal(onlyValue([...fields, 'authorization', 'Bearer a'], 'authorization'), undefined);
  assert.equal(onlyValue(fields, 'none'), undefined);
});
