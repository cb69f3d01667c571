import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GatewayError } from '../../../gateway/core/error.js';
import { parseAddress } from '../../../gateway/grpc/listener.js';

test('addresses that are understood', () => {
  assert.deepEqual(parseAddress('127.0.0.1:8001'), { host: '127.0.0.1', port: 8001 });
  assert.deepEqual(parseAddress('localhost:0'), { host: 'localhost', port: 0 });
  assert.deepEqual(parseAddress('[::1]:8001'), { host: '::1', port: 8001 });
  assert.deepEqual(parseAddress('unix:/run/sluice.sock'), { path: '/run/sluice.sock' });
  assert.deepEqual(parseAddress('unix:///run/sluice.sock'), { path: '/run/sluice.sock' });
  assert.deepEqual(parseAddress('unix:relative.sock'), { path: 'relative.sock' });
  assert.equal(parseAddress(`unix:${'x'.repeat(107)}`).path?.length, 107);
});

test('G105 addresses that are not are refused, naming the address and what is wanted', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['8001', /'8001': wanted host:port/],
    ['host:', /'host:': wanted host:port/],
    ['host:65536', /'host:65536': wanted .* port of 0 to 65535/],
    ['::1:8001', /wanted host:port, \[IPv6\]:port/],
    ['a b:1', /wanted host:port/],
    ['unix:', /the path of the socket is missing/],
    [`unix:${'é'.repeat(54)}`, /the path has 108 bytes, a Unix socket takes at most 107/],
  ];
  for (const [address, wanted] of rows)
    assert.throws(
      () => parseAddress(address),
      (error: GatewayError) => error.code === 'INVALID_ARGUMENT' && wanted.test(error.message),
      address,
    );
});
