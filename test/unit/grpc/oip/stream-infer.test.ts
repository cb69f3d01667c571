import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GatewayError } from '../../../../gateway/core/error.js';
import { input, len } from '../../../support/wire-bytes.js';
import { openStream, type Rig, settle } from './stream-rig.js';

const down = new GatewayError('UNAVAILABLE', 'no worker');

function code(rig: Rig): string | undefined {
  const ended = rig.ended();
  return ended instanceof GatewayError ? ended.code : ended;
}

test('requests run at the same time and are answered in their order, each as final', async () => {
  const rig = openStream();
  for (const id of ['a', 'b', 'c']) rig.write({ id });
  await settle();
  assert.deepEqual([...rig.calls.keys()], ['a', 'b', 'c']);
  rig.calls.get('c')?.answer();
  rig.calls.get('b')?.answer();
  await settle();
  assert.deepEqual(rig.answers(), []);
  rig.calls.get('a')?.answer();
  await settle();
  assert.deepEqual(rig.answers(), ['a', 'b', 'c']);
  for (const { errorMessage, inferResponse } of rig.sent) {
    assert.equal(errorMessage, '');
    assert.deepEqual([inferResponse?.modelName, inferResponse?.modelVersion], ['m', '7']);
    assert.deepEqual(inferResponse?.parameters['triton_final_response']?.parameterChoice, {
      case: 'boolParam',
      value: true,
    });
    assert.equal(inferResponse?.rawOutputContents.length, 1);
  }
  rig.halfClose();
  await settle();
  assert.equal(rig.ended(), 'OK');
});

test('a request that fails is told in the stream, in its place and under its id, and the others go on', async () => {
  const rig = openStream();
  for (const id of ['a', 'b', 'c']) rig.write({ id });
  await settle();
  rig.calls.get('b')?.fail(down);
  rig.calls.get('c')?.answer();
  rig.calls.get('a')?.answer();
  await settle();
  assert.deepEqual(rig.answers(), ['a', 'b!no worker', 'c']);
  const failed = rig.sent[1]?.inferResponse;
  assert.deepEqual(failed?.parameters['triton_final_response']?.parameterChoice, {
    case: 'boolParam',
    value: true,
  });
  assert.equal(rig.ended(), undefined);
});

test('a request that can be read but not meant is told in the stream; it reaches no model', async () => {
  const rig = openStream();
  rig.write(Buffer.concat([len(1, 'm'), input('x', 'NONSENSE', [1]), len(3, 'odd')]));
  rig.write({ id: 'good' });
  await settle();
  rig.calls.get('good')?.answer();
  await settle();
  assert.match(rig.answers()[0] ?? '', /^odd!inference input 'x' data-type is 'NONSENSE'/);
  assert.equal(rig.answers()[1], 'good');
  assert.deepEqual([...rig.calls.keys()], ['good']);
});

for (const [what, garbage] of [
  ['no message', Buffer.from([0x0a, 0xff])],
  ['a message with an input that is none', len(5, Buffer.from([0x0a, 0xff]))],
] as const)
  test(`B28 ${what} ends the stream with INTERNAL, after the answers to what came before`, async () => {
    const rig = openStream();
    rig.write({ id: 'before' });
    rig.write(garbage);
    rig.write({ id: 'after' });
    await settle();
    assert.equal(rig.ended(), undefined);
    rig.calls.get('before')?.answer();
    await settle();
    assert.deepEqual(rig.answers(), ['before']);
    assert.equal(code(rig), 'INTERNAL');
    assert.deepEqual([...rig.calls.keys()], ['before']);
  });

test('half-close waits for the answers and then ends OK', async () => {
  const rig = openStream();
  rig.write({ id: 'a' });
  rig.halfClose();
  await settle();
  assert.equal(rig.ended(), undefined);
  rig.calls.get('a')?.answer();
  await settle();
  assert.deepEqual(rig.answers(), ['a']);
  assert.equal(rig.ended(), 'OK');
});

test('an empty stream ends OK', async () => {
  const rig = openStream();
  rig.halfClose();
  await settle();
  assert.equal(rig.ended(), 'OK');
});

test('reading pauses while as many requests as allowed are in flight, and goes on with each answer sent', async () => {
  const rig = openStream({ maxStreamInFlight: 2 });
  for (let i = 0; i < 5; i++) rig.write({ id: `r${i}` });
  await settle();
  assert.deepEqual([...rig.calls.keys()], ['r0', 'r1']);
  assert.equal(rig.asked(), 2);
  // Not the head: nothing is sent, so nothing is read.
  rig.calls.get('r1')?.answer();
  await settle();
  assert.equal(rig.calls.size, 2);
  rig.calls.get('r0')?.answer();
  await settle();
  assert.deepEqual([...rig.calls.keys()], ['r0', 'r1', 'r2', 'r3']);
});

test('a client that does not read its answers is read no further, so that what waits for it stays bounded', async () => {
  const rig = openStream({ maxStreamInFlight: 3 });
  rig.slow = true;
  for (let i = 0; i < 50; i++) rig.write({ id: `r${i}` });
  for (let turn = 0; turn < 10; turn++) {
    await settle();
    for (const { answer } of rig.calls.values()) answer();
  }
  assert.equal(rig.calls.size, 3);
  assert.equal(rig.sent.length, 1);
  rig.read();
  await settle();
  assert.equal(rig.calls.size, 4);
  assert.equal(rig.sent.length, 2);
  rig.cancellation.cancel();
});

test('reading pauses, too, when requests or answers that wait are large, however few they are', async () => {
  const rig = openStream();
  rig.slow = true;
  for (let i = 0; i < 10; i++) rig.write({ id: `r${i}`, rawInputContents: [] });
  await settle();
  assert.equal(rig.calls.size, 10);
  for (const { answer } of rig.calls.values()) answer(2 * 1024 * 1024);
  await settle();
  rig.write({ id: 'next' });
  rig.write({ id: 'after' });
  await settle();
  // The one that was being waited for is taken; no other is asked for.
  assert.deepEqual([...rig.calls.keys()].slice(10), ['next']);
  for (let i = 0; i < 7; i++) {
    rig.read();
    await settle();
  }
  assert.deepEqual([...rig.calls.keys()].slice(10), ['next', 'after']);
});

test('B35 a client that leaves cancels the calls of its stream, those that wait and those that run', async () => {
  const rig = openStream();
  rig.write({ id: 'a' });
  rig.write({ id: 'b' });
  await settle();
  assert.equal(rig.calls.get('a')?.call.cancellation.cancelled, false);
  rig.cancellation.cancel();
  for (const { call } of rig.calls.values()) assert.equal(call.cancellation.cancelled, true);
});

test('B34 the deadline of a call is the earlier of the stream and the longest that one call may take', async () => {
  const start = 1_000_000;
  const rig = openStream({ deadline: start + 5000, maxDeadlineMs: 2000 });
  rig.write({ id: 'early' });
  await settle();
  rig.clock.advance(4000);
  rig.write({ id: 'late' });
  await settle();
  assert.equal(rig.calls.get('early')?.call.deadline, start + 2000);
  assert.equal(rig.calls.get('late')?.call.deadline, start + 5000);
  assert.equal(rig.calls.get('late')?.call.arrivedAt, start + 4000);
});

test('B34 a layer within that does not keep the deadline holds up neither its caller nor the stream', async () => {
  const rig = openStream({ maxDeadlineMs: 100 });
  rig.write({ id: 'stuck' });
  rig.write({ id: 'good' });
  await settle();
  rig.calls.get('good')?.answer();
  await settle();
  rig.clock.advance(120);
  await settle();
  assert.match(rig.answers()[0] ?? '', /^stuck!the deadline passed/);
  assert.equal(rig.answers()[1], 'good');
  assert.equal(rig.calls.get('stuck')?.call.cancellation.cancelled, true);
  rig.calls.get('stuck')?.answer();
  await settle();
  assert.equal(rig.sent.length, 2);
});

test("at the stream's own deadline its calls are not cancelled: they see the deadline, and are counted as that", async () => {
  const rig = openStream({ deadline: 1_000_100 });
  rig.write({ id: 'a' });
  await settle();
  rig.clock.advance(100);
  rig.cancellation.cancel();
  assert.equal(rig.calls.get('a')?.call.cancellation.cancelled, false);
});

test('G101 a drain answers what is in flight and ends the stream so that its client knows that more was not taken', async () => {
  const rig = openStream();
  rig.write({ id: 'a' });
  await settle();
  rig.closing.cancel();
  await settle();
  assert.equal(rig.ended(), undefined);
  rig.calls.get('a')?.answer();
  await settle();
  assert.deepEqual(rig.answers(), ['a']);
  assert.equal(code(rig), 'UNAVAILABLE');
  assert.equal(rig.calls.get('a')?.call.cancellation.cancelled, false);
});

test('with the header triton_grpc_error the first error ends the stream with its code, and cancels the others', async () => {
  const rig = openStream({ headers: { triton_grpc_error: 'true' } });
  for (const id of ['a', 'b', 'c']) rig.write({ id });
  await settle();
  rig.calls.get('b')?.fail(down);
  rig.calls.get('a')?.answer();
  await settle();
  assert.deepEqual(rig.answers(), ['a']);
  assert.equal(code(rig), 'UNAVAILABLE');
  assert.equal(rig.calls.get('c')?.call.cancellation.cancelled, true);
});

test('an answer that is larger than a message may be is told in the stream, and costs its own request only', async () => {
  const rig = openStream({ maxMessageBytes: 1000 });
  rig.write({ id: 'large' });
  rig.write({ id: 'small' });
  await settle();
  rig.calls.get('large')?.answer(2000);
  rig.calls.get('small')?.answer(10);
  await settle();
  assert.match(rig.answers()[0] ?? '', /^large!the answer has \d+ bytes, more than the 1000/);
  assert.equal(rig.answers()[1], 'small');
});

test('C59 the same id twice in flight: both are served, in order', async () => {
  const rig = openStream();
  rig.write({ id: 'x', modelName: 'first' });
  await settle();
  const first = rig.calls.get('x');
  rig.write({ id: 'x', modelName: 'second' });
  await settle();
  rig.calls.get('x')?.answer();
  first?.answer();
  await settle();
  assert.deepEqual(
    rig.sent.map(({ inferResponse }) => inferResponse?.modelName),
    ['first', 'second'],
  );
});

test('D75 what is thrown and no GatewayError ends the stream, for the transport to log', async () => {
  const rig = openStream();
  rig.write({ id: 'a' });
  await settle();
  rig.calls.get('a')?.fail(new TypeError('a bug') as unknown as GatewayError);
  await settle();
  assert.ok((rig.ended() as unknown) instanceof TypeError);
});
