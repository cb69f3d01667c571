import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import type { LeasedInfer } from '../../../gateway/core/infer-call.js';
import { InputQuarantine } from '../../../gateway/serving/input-quarantine.js';
import { FakeClock } from '../../support/fake-clock.js';
import { call, countedLease, result } from './make-call.js';

const POISON = new GatewayError('INTERNAL', 'it has ended 2 workers', { reason: 'poison' });

function setUp(maxInputs = 1000) {
  const clock = new FakeClock();
  const quarantine = new InputQuarantine({ clock, forMs: 60_000, maxInputs });
  let ran = 0;
  const next: LeasedInfer = async () => {
    ran++;
    return result();
  };
  const guarded = quarantine.guard(next);
  const lease = countedLease();
  const withBytes = (...bytes: number[]) =>
    call({
      inputs: [{ name: 'X', datatype: 'UINT8', shape: [1, bytes.length], data: Uint8Array.from(bytes) }],
    });
  return { clock, quarantine, guarded, lease, withBytes, ran: () => ran };
}

test('D62 an input that has ended workers is refused for a while without a run; others, and other failures, are not', async () => {
  const { clock, quarantine, guarded, lease, withBytes, ran } = setUp();
  quarantine.learn(withBytes(1, 2, 3), lease, POISON);
  quarantine.learn(withBytes(9, 9), lease, new GatewayError('INTERNAL', 'x', { reason: 'model_error' }));
  await assert.rejects(guarded(withBytes(1, 2, 3), lease), {
    code: 'INTERNAL',
    details: { reason: 'poison' },
  });
  assert.equal(ran(), 0);
  await guarded(withBytes(1, 2, 4), lease);
  await guarded(withBytes(1, 2, 3, 4), lease);
  await guarded(withBytes(9, 9), lease);
  const other = { ...lease, manifest: { ...lease.manifest, version: 99 } };
  await guarded(withBytes(1, 2, 3), other);
  assert.equal(ran(), 4);
  clock.advance(60_001);
  await guarded(withBytes(1, 2, 3), lease);
  assert.equal(quarantine.size, 0);
});

test('what is remembered is bounded, and the oldest goes first', async () => {
  const { quarantine, guarded, lease, withBytes } = setUp(3);
  for (const n of [1, 2, 3, 4]) quarantine.learn(withBytes(n), lease, POISON);
  quarantine.learn(withBytes(4), lease, POISON);
  assert.equal(quarantine.size, 3);
  await guarded(withBytes(1), lease);
  for (const n of [2, 3, 4]) await assert.rejects(guarded(withBytes(n), lease), { code: 'INTERNAL' });
});
