import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callerOf } from '../../../../gateway/core/caller.js';
import type { GatewayError } from '../../../../gateway/core/error.js';
import { openStream, settle } from './stream-rig.js';

const headers = (values: Readonly<Record<string, string | Uint8Array>>) => ({
  get: (name: string) => values[name],
});

test('the caller is what the metadata says, and nobody where it says nothing', () => {
  assert.equal(callerOf(headers({ 'x-tenant': 'A', other: 'B' }), 'x-tenant'), 'A');
  assert.equal(callerOf(headers({ other: 'B' }), 'x-tenant'), '');
  assert.equal(callerOf(headers({ 'x-tenant': 'a'.repeat(128) }), 'x-tenant'), 'a'.repeat(128));
});

test('a name that is too long is refused, not cut into another caller’s', () => {
  assert.throws(
    () => callerOf(headers({ 'x-tenant': 'a'.repeat(129) }), 'x-tenant'),
    (error: GatewayError) => {
      assert.equal(error.code, 'INVALID_ARGUMENT');
      assert.match(
        error.message,
        /^the metadata 'x-tenant' is 'a{40}…\(129 characters\)', wanted at most 128 characters$/,
      );
      return true;
    },
  );
});

test('every request of a stream is its caller’s; without a key nobody is asked', async () => {
  for (const [callerKey, wanted] of [
    ['x-tenant', 'A'],
    [undefined, ''],
  ] as const) {
    const rig = openStream({ callerKey, headers: { 'x-tenant': 'A' } });
    rig.write({ id: '1' });
    rig.write({ id: '2' });
    await settle();
    assert.deepEqual(
      [...rig.calls.values()].map(({ call }) => call.caller),
      [wanted, wanted],
    );
    for (const held of rig.calls.values()) held.answer();
    rig.halfClose();
    await settle();
    assert.equal(rig.ended(), 'OK');
  }
});
