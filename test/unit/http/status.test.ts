import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError, type StatusCode } from '../../../gateway/core/error.js';
import { HTTP_STATUS, toHttpError } from '../../../gateway/http/status.js';

const ROWS: readonly [code: StatusCode, status: number][] = [
  ['INVALID_ARGUMENT', 400],
  ['FAILED_PRECONDITION', 400],
  ['OUT_OF_RANGE', 400],
  ['UNAUTHENTICATED', 401],
  ['PERMISSION_DENIED', 403],
  ['NOT_FOUND', 404],
  ['ALREADY_EXISTS', 409],
  ['ABORTED', 409],
  ['RESOURCE_EXHAUSTED', 429],
  ['CANCELLED', 499],
  ['UNKNOWN', 500],
  ['INTERNAL', 500],
  ['DATA_LOSS', 500],
  ['UNIMPLEMENTED', 501],
  ['UNAVAILABLE', 503],
  ['DEADLINE_EXCEEDED', 504],
];
for (const [code, status] of ROWS) {
  test(`${code} is HTTP ${status}, with the message as the body's error`, () => {
    const error = toHttpError(new GatewayError(code, 'why'));
    assert.equal(error.status, status);
    assert.deepEqual(error.body, { error: 'why', code });
  });
}

test('every code has a row above', () => {
  assert.deepEqual(Object.keys(HTTP_STATUS).sort(), ROWS.map(([code]) => code).sort());
});

test('Retry-After is in whole seconds, never sooner than asked, and always there when unavailable', () => {
  const header = (code: StatusCode, retryAfterMs?: number) =>
    toHttpError(new GatewayError(code, '', retryAfterMs === undefined ? {} : { retryAfterMs })).headers[
      'retry-after'
    ];
  assert.equal(header('UNAVAILABLE', 1001), '2');
  assert.equal(header('UNAVAILABLE', 20), '1');
  assert.equal(header('UNAVAILABLE'), '1');
  assert.equal(header('RESOURCE_EXHAUSTED', 5000), '5');
  assert.equal(header('RESOURCE_EXHAUSTED'), undefined);
  assert.equal(header('NOT_FOUND'), undefined);
});
