import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../gateway/core/error.js';
import type { LeasedInfer } from '../../../gateway/core/infer-call.js';
import { type QuotaOptions, Quotas } from '../../../gateway/serving/quota.js';
import { sharesOf } from '../../../gateway/serving/shares.js';
import { FakeClock } from '../../support/fake-clock.js';
import { call, countedLease, manifest, result, tensor } from './make-call.js';

/** Sends rows of a caller through the layer: `ok`, or the error's code with its push-back. */
function rig(options: Partial<QuotaOptions> = {}, next: LeasedInfer = async () => result()) {
  const clock = new FakeClock();
  const quotas = new Quotas({ clock, rowsPerSec: 10, burstMs: 1000, named: {}, ...options });
  const layer = quotas.limit(next);
  const send = (caller: string | undefined, rows = 1, lease = countedLease()): Promise<string> => {
    const who = caller === undefined ? {} : { caller };
    return layer(call({ ...who, inputs: [tensor('X', [rows, 4])] }), lease).then(
      () => 'ok',
      (error: GatewayError) => [error.code, error.details.retryAfterMs].filter(Boolean).join(' '),
    );
  };
  return { clock, layer, next, send };
}

test('F92 a caller beyond its quota is refused with the time to come back; the others are not', async () => {
  const { clock, send } = rig();
  for (let i = 0; i < 5; i++) assert.equal(await send('A', 2), 'ok');
  for (let i = 0; i < 95; i++) assert.equal(await send('A', 2), 'RESOURCE_EXHAUSTED 200');
  assert.equal(await send('B', 8), 'ok');
  clock.advance(150);
  assert.equal(await send('A', 2), 'RESOURCE_EXHAUSTED 50');
  clock.advance(50);
  assert.equal(await send('A', 2), 'ok');
  assert.equal(await send('B', 4), 'ok');
});

test('a refusal says who, how much, and why, and quotes what the client wrote', async () => {
  const { layer } = rig();
  const of = (caller: string, rows: number) =>
    layer(call({ caller, inputs: [tensor('X', [rows, 4])] }), countedLease());
  await of('A\n', 10);
  await assert.rejects(of('A\n', 3), (error: GatewayError) => {
    assert.equal(error.code, 'RESOURCE_EXHAUSTED');
    assert.equal(error.details.reason, 'quota');
    const wanted = "caller 'A\\x0a' has spent its quota of 10 rows/s: there is room for 3 more in 300 ms";
    assert.equal(error.message, wanted);
    return true;
  });
});

test('a request of more rows than may ever come at once is invalid, and costs nothing', async () => {
  const { send } = rig();
  assert.equal(await send('A', 11), 'INVALID_ARGUMENT');
  assert.equal(await send('A', 10), 'ok');
});

test('a burst is at least one row, however small the quota', async () => {
  const { clock, send } = rig({ rowsPerSec: 1, burstMs: 10 });
  assert.equal(await send('A'), 'ok');
  assert.equal(await send('A'), 'RESOURCE_EXHAUSTED 1000');
  clock.advance(1000);
  assert.equal(await send('A'), 'ok');
});

test('a request to a model that is not batched is one row', async () => {
  const { send } = rig();
  const lease = { ...countedLease(), manifest: manifest({ batchable: false, maxBatchSize: 0 }) };
  for (let i = 0; i < 10; i++) assert.equal(await send('A', 500, lease), 'ok');
  assert.equal(await send('A', 500, lease), 'RESOURCE_EXHAUSTED 100');
});

test('a named caller has its own quota, 0 is none, and the default where it says nothing', async () => {
  const { send } = rig({ named: { big: { rowsPerSec: 50 }, free: { rowsPerSec: 0 }, plain: {} } });
  assert.equal(await send('big', 50), 'ok');
  assert.equal(await send('big', 1), 'RESOURCE_EXHAUSTED 20');
  assert.equal(await send('free', 100_000), 'ok');
  assert.equal(await send('plain', 10), 'ok');
  assert.equal(await send('plain', 1), 'RESOURCE_EXHAUSTED 100');
});

test('callers of an embedding program that names none are one caller', async () => {
  const { send } = rig();
  assert.equal(await send(undefined, 10), 'ok');
  assert.equal(await send('', 1), 'RESOURCE_EXHAUSTED 100');
});

test('without a quota there is no layer; with one for a named caller only, the others pass', async () => {
  const none = rig({ rowsPerSec: 0, named: { a: { rowsPerSec: 0 }, b: {} } });
  assert.equal(none.layer, none.next);
  const { send } = rig({ rowsPerSec: 0, named: { a: { rowsPerSec: 1 } } });
  assert.equal(await send('a'), 'ok');
  assert.equal(await send('a'), 'RESOURCE_EXHAUSTED 1000');
  for (let i = 0; i < 20; i++) assert.equal(await send('b', 5), 'ok');
});

for (const [code, after] of [
  ['UNAVAILABLE', 'ok'],
  ['INTERNAL', 'RESOURCE_EXHAUSTED 1000'],
  ['CANCELLED', 'RESOURCE_EXHAUSTED 1000'],
] as const) {
  test(`what ends with ${code} is ${after === 'ok' ? 'not ' : ''}charged`, async () => {
    let fails = true;
    const { send } = rig({}, async () => {
      if (fails) throw new GatewayError(code, 'no');
      return result();
    });
    assert.equal(await send('A', 10), code);
    fails = false;
    assert.equal(await send('A', 10), after);
  });
}

test('callers that are forgotten had a full quota; strangers beyond the bound share one', async () => {
  const { clock, send } = rig({ maxCallers: 20 });
  for (let i = 0; i < 20; i++) assert.equal(await send(`c${i}`, 10), 'ok');
  assert.equal(await send('s1', 10), 'ok', 'the strangers’ quota');
  assert.equal(await send('s2', 1), 'RESOURCE_EXHAUSTED 100');
  assert.equal(await send('c0', 1), 'RESOURCE_EXHAUSTED 100', 'those before are remembered');
  clock.advance(1000);
  assert.equal(await send('c19', 10), 'ok');
  // All but c19 are full again and make room.
  for (let i = 3; i < 8; i++) assert.equal(await send(`s${i}`, 10), 'ok');
  assert.equal(await send('c19', 1), 'RESOURCE_EXHAUSTED 100');
});

test('shares are those of named callers, else 1', () => {
  const shareOf = sharesOf({ a: { share: 2.5 }, b: {} });
  assert.deepEqual(['a', 'b', 'c', '', 'constructor'].map(shareOf), [2.5, 1, 1, 1, 1]);
});
