import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { status as grpcStatus } from '@grpc/grpc-js';
import { GatewayError } from '../../../gateway/core/error.js';
import { BadRequestSchema, RetryInfoSchema } from '../../../gateway/gen/google/rpc/error_details_pb.js';
import { StatusSchema } from '../../../gateway/gen/google/rpc/status_pb.js';
import { STATUS_NUMBER } from '../../../gateway/grpc/status.js';
import { toCallStatus } from '../../support/grpc-js/call-status.js';

function details(error: GatewayError) {
  const [bytes] = toCallStatus(error).metadata.get('grpc-status-details-bin');
  return bytes === undefined ? undefined : fromBinary(StatusSchema, bytes as Buffer);
}

test('each code has the number that gRPC gives it', () => {
  for (const [name, number] of Object.entries(STATUS_NUMBER))
    assert.equal(number, grpcStatus[name as keyof typeof grpcStatus], name);
  assert.equal(Object.keys(STATUS_NUMBER).length, 16);
});

test('a plain error has a code and a message, and no metadata', () => {
  const status = toCallStatus(new GatewayError('NOT_FOUND', 'no such thing', { reason: 'unknown_model' }));
  assert.equal(status.code, 5);
  assert.equal(status.details, 'no such thing');
  assert.deepEqual(status.metadata.getMap(), {});
});

test('push-back is whole milliseconds, never negative, and stands in RetryInfo too', () => {
  for (const [given, sent] of [
    [0.2, '1'],
    [1500, '1500'],
    [-3, '0'],
  ] as const) {
    const error = new GatewayError('UNAVAILABLE', 'full', { retryAfterMs: given });
    assert.deepEqual(toCallStatus(error).metadata.get('grpc-retry-pushback-ms'), [sent]);
  }
  const message = details(new GatewayError('UNAVAILABLE', 'full', { retryAfterMs: 1500 }));
  assert.equal(message?.code, 14);
  assert.equal(message?.message, 'full');
  const info = anyUnpack(message?.details[0] as never, RetryInfoSchema);
  assert.deepEqual([info?.retryDelay?.seconds, info?.retryDelay?.nanos], [1n, 500_000_000]);
});

test('the field at fault stands in BadRequest', () => {
  const error = new GatewayError('INVALID_ARGUMENT', 'wrong shape', {
    field: 'inputs[0].shape',
    reason: 'bad_request',
  });
  const bad = anyUnpack(details(error)?.details[0] as never, BadRequestSchema);
  assert.equal(bad?.fieldViolations[0]?.field, 'inputs[0].shape');
  assert.equal(bad?.fieldViolations[0]?.description, 'wrong shape');
  assert.equal(bad?.fieldViolations[0]?.reason, 'BAD_REQUEST');
});

test('B40 whatever the message, message and trailers stay under 4 KiB: the details go first', () => {
  for (const character of ['a', 'é', '%', '\u{1f600}', '"']) {
    const error = new GatewayError('INVALID_ARGUMENT', character.repeat(100_000), {
      field: character.repeat(1000),
      retryAfterMs: 1e12,
    });
    const { details: message, metadata } = toCallStatus(error);
    let bytes = encodeURI(message).length;
    for (const [name, value] of Object.entries(metadata.toHttp2Headers()))
      bytes += name.length + String(value).length;
    assert.ok(bytes < 4096, `${bytes} bytes of ${character}`);
    // Where there is room they are kept.
    if (character === 'a') assert.ok(metadata.get('grpc-status-details-bin').length === 1);
  }
});
