import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { loadSync, type MessageTypeDefinition } from '@grpc/proto-loader';
import { loadContract } from '../../../client/contract.js';
import { targetOf } from '../../../client/options.js';
import { errorFromStatus } from '../../../client/status.js';

function failure(
  code: keyof typeof status,
  details: string,
  metadata: Record<string, string | Buffer> = {},
): ServiceError {
  const trailers = new Metadata();
  for (const [name, value] of Object.entries(metadata)) trailers.set(name, value);
  return Object.assign(new Error(details), { code: status[code], details, metadata: trailers });
}

function convert(error: ServiceError, answered = false) {
  return errorFromStatus(error, { address: 'localhost:8001', secured: 'plain', answered }, loadContract());
}

test('whether nobody was reached, or somebody answered', () => {
  const answer = { 'content-type': 'application/grpc' };
  const table: readonly [why: string, error: ServiceError, answered: boolean, unreachable: boolean][] = [
    [
      'a refused connection has no trailers',
      failure('UNAVAILABLE', 'No connection established'),
      false,
      true,
    ],
    ['a full queue comes with trailers', failure('UNAVAILABLE', 'queue full', answer), false, false],
    ['headers came before the failure', failure('UNAVAILABLE', 'dropped'), true, false],
    [
      'no connection before the deadline',
      failure('DEADLINE_EXCEEDED', 'after 1s,Waiting for LB pick'),
      false,
      true,
    ],
    ['a slow server', failure('DEADLINE_EXCEEDED', 'after 1s,remote_addr=10.0.0.1:1'), false, false],
    ['a cancelled call', failure('CANCELLED', 'Cancelled on client'), false, false],
  ];
  for (const [why, error, answered, unreachable] of table) {
    assert.equal(convert(error, answered).unreachable, unreachable, why);
  }
});

test('the message of a failed connection is freed of the names of parts', () => {
  const text =
    'round_robin: No connection established. Last error: No connection established. Last error: Error: connect ECONNREFUSED 127.0.0.1:1. Resolution note: ';
  assert.equal(
    convert(failure('UNAVAILABLE', text)).message,
    'Cannot reach localhost:8001: connect ECONNREFUSED 127.0.0.1:1',
  );
});

test('the time to wait comes from the push-back trailer, and a negative one is none', () => {
  const answer = { 'content-type': 'application/grpc' };
  assert.equal(
    convert(failure('UNAVAILABLE', 'x', { ...answer, 'grpc-retry-pushback-ms': '250' })).retryAfterMs,
    250,
  );
  assert.equal(
    convert(failure('UNAVAILABLE', 'x', { ...answer, 'grpc-retry-pushback-ms': '-1' })).retryAfterMs,
    undefined,
  );
  assert.equal(convert(failure('UNAVAILABLE', 'x', answer)).retryAfterMs, undefined);
});

test('google.rpc details are read, and garbage in their place does no harm', () => {
  const packed = pack();
  const error = convert(failure('INVALID_ARGUMENT', 'bad shape', { 'grpc-status-details-bin': packed }));
  assert.equal(error.code, 'INVALID_ARGUMENT');
  assert.equal(error.retryAfterMs, 1250);
  assert.deepEqual(error.details, [{ field: 'inputs[0].shape', description: 'negative' }]);
  assert.deepEqual(JSON.parse(JSON.stringify(error)), {
    code: 'INVALID_ARGUMENT',
    message: 'bad shape',
    retryAfterMs: 1250,
    details: [{ field: 'inputs[0].shape', description: 'negative' }],
  });
  const garbage = convert(
    failure('INTERNAL', 'x', { 'grpc-status-details-bin': Buffer.from('ffffffff', 'hex') }),
  );
  assert.equal(garbage.message, 'x');
  assert.deepEqual(garbage.details, []);
});

/** A google.rpc.Status with a RetryInfo of 1.25 s and a BadRequest. */
function pack(): Buffer {
  const root = fileURLToPath(new URL('../../../../proto', import.meta.url));
  const files = ['google/rpc/status.proto', 'google/rpc/error_details.proto'];
  const types = loadSync(files, { includeDirs: [root], keepCase: true });
  const encode = (name: string, value: object): Buffer =>
    (types[name] as unknown as MessageTypeDefinition<object, object>).serialize(value);
  const any = (name: string, value: object): object => ({
    type_url: `type.googleapis.com/${name}`,
    value: encode(name, value),
  });
  const violation = { field: 'inputs[0].shape', description: 'negative' };
  return encode('google.rpc.Status', {
    code: 3,
    message: 'bad shape',
    details: [
      any('google.rpc.RetryInfo', { retry_delay: { seconds: 1, nanos: 250_000_000 } }),
      any('google.rpc.BadRequest', { field_violations: [violation] }),
    ],
  });
}

test('an address becomes a target of DNS with port 8001, unless it says otherwise', () => {
  const table: readonly [address: string, target: string][] = [
    ['localhost', 'dns:///localhost:8001'],
    ['sluice.models.svc:9000', 'dns:///sluice.models.svc:9000'],
    ['10.0.0.7', 'dns:///10.0.0.7:8001'],
    ['[::1]', 'dns:///[::1]:8001'],
    ['[::1]:9000', 'dns:///[::1]:9000'],
    ['::1', 'dns:///[::1]:8001'],
    ['unix:///run/sluice.sock', 'unix:///run/sluice.sock'],
    ['dns://8.8.8.8/host:1', 'dns://8.8.8.8/host:1'],
    ['ipv4:10.0.0.1:1,10.0.0.2:1', 'ipv4:10.0.0.1:1,10.0.0.2:1'],
  ];
  for (const [address, target] of table) assert.equal(targetOf(address), target);
});
