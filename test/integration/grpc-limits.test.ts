/** What the transport holds at the wire is bounded: FAULTS A12-A14, F93. Over our own HTTP/2 only. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type { RpcMethod, UnaryHandler } from '../../gateway/core/transport.js';
import { asBuffer } from '../../gateway/grpc/call-host.js';
import { ECHO, echo, gate, hello, start, unary } from '../support/grpc-echo.js';
import { answerOf, frame } from '../support/raw-grpc.js';

test('A13 A14 a call whose message never ends is DEADLINE_EXCEEDED at the server’s own maximum', async (t) => {
  const { client } = await start(t, [echo], { maxDeadlineMs: 100 });
  const slow = client.open(ECHO);
  const slowAnswer = answerOf(slow);
  slow.write(frame(hello).subarray(0, 6));
  const open = client.open(ECHO);
  const openAnswer = answerOf(open);
  open.write(frame(hello));
  assert.equal((await slowAnswer).status, 4);
  assert.equal((await openAnswer).status, 4);
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
});

test('F93 a message that finds no room is UNAVAILABLE before it is read, and room comes back', async (t) => {
  const { client } = await start(t, [echo], { maxMessageBytes: 100_000, maxWireBytes: 150_000 });
  // The budget is at least one message and a megabyte: eleven of these fit, and one of them does not.
  const streams = Array.from({ length: 12 }, () => client.open(ECHO));
  const first = Promise.race(streams.map(answerOf));
  for (const stream of streams) {
    stream.on('response', () => stream.close());
    stream.write(frame(Buffer.alloc(100_000)).subarray(0, -1));
  }
  const answer = await first;
  assert.equal(answer.status, 14);
  assert.match(answer.message, /byte budget/);
  for (const stream of streams) stream.close(8);
  let status: number | undefined = 14;
  for (let i = 0; i < 50 && status !== 0; i++) {
    await sleep(20);
    status = (await client.call(ECHO, frame(Buffer.alloc(100_000)))).status;
  }
  assert.equal(status, 0);
});

test('A12 an answer that its client does not take ends, and leaves nothing held', async (t) => {
  const large = unary(async () => asBuffer(Buffer.alloc(5_000_000)), '/test.Echo/Large');
  const { client } = await start(t, [echo, large], { sendStallMs: 500 });
  const stream = client.open('/test.Echo/Large');
  const answer = answerOf(stream);
  stream.end(frame(hello));
  stream.pause();
  const before = Date.now();
  await new Promise((resolve) => stream.once('close', resolve));
  assert.ok(Date.now() - before < 5000);
  stream.resume();
  assert.notEqual((await answer).resetCode, 0);
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
});

test('calls beyond the limit are UNAVAILABLE before their message is read', async (t) => {
  const held = gate();
  const { client } = await start(t, [unary(held.handler)], { maxOpenCalls: 2 });
  const first = client.call(ECHO, frame(hello));
  const waiting = client.open(ECHO);
  await held.context;
  const refused = await client.call(ECHO, frame(hello));
  assert.equal(refused.status, 14);
  assert.match(refused.message, /at most 2/);
  waiting.close(8);
  held.answer(hello);
  assert.equal((await first).status, 0);
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
});

test('B36 headers over 16 KiB are RESOURCE_EXHAUSTED, many or large', async (t) => {
  const { client } = await start(t, [echo]);
  const many = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`x-header-${i}`, 'value']));
  for (const headers of [many, { 'x-large': 'a'.repeat(40_000) }])
    assert.equal((await client.call(ECHO, frame(hello), headers)).status, 8);
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
});

test('B20 B21 B24 B26 B33 B37 what is no gRPC, or no whole message, is told in the terms of the protocol', async (t) => {
  const { client } = await start(t, [echo]);
  const http = async (headers: Record<string, string | undefined>): Promise<unknown> =>
    (await client.call(ECHO, frame(hello), headers)).headers[':status'];
  assert.equal(await http({ 'content-type': 'application/grpc-web' }), 415);
  assert.equal(await http({ 'content-type': 'application/grpc+json' }), 415);
  assert.equal(await http({ ':method': 'GET' }), 405);
  assert.equal((await client.call(ECHO, frame(hello), { te: undefined })).resetCode, 1);
  assert.equal((await client.call(ECHO, frame(hello).subarray(0, 7))).status, 13);
  assert.equal((await client.call(ECHO, frame(hello, true))).status, 13);
  const flagged = frame(hello);
  flagged[0] = 2;
  assert.equal((await client.call(ECHO, flagged)).status, 13);
  for (const timeout of ['banana', '-5S', '123456789m', '5X'])
    assert.equal((await client.call(ECHO, frame(hello), { 'grpc-timeout': timeout })).status, 13, timeout);
  for (const timeout of ['99999999M', '99999999H'])
    assert.equal((await client.call(ECHO, frame(hello), { 'grpc-timeout': timeout })).status, 0, timeout);
  assert.equal((await client.call(ECHO, frame(hello), { 'x-bin': '***' })).status, 3);
});

test('B38 B39 a trace context that is malformed costs nobody his answer', async (t) => {
  const { client } = await start(t, [echo]);
  const zero = `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01`;
  for (const traceparent of [
    'garbage',
    zero,
    `ff-${'1'.repeat(32)}-${'1'.repeat(16)}-01`,
    `${zero}, ${zero}`,
  ])
    assert.equal((await client.call(ECHO, frame(hello), { traceparent })).status, 0, traceparent);
  for (const bytes of [Buffer.alloc(0), Buffer.from([0]), Buffer.alloc(29, 9), Buffer.alloc(400)])
    assert.equal(
      (await client.call(ECHO, frame(hello), { 'grpc-trace-bin': bytes.toString('base64') })).status,
      0,
    );
});

test('messages of a stream that nobody reads are bounded by what they take, not by what they weigh', async (t) => {
  const deaf: RpcMethod = {
    kind: 'bidi-stream',
    path: '/test.Echo/Deaf',
    handler: (stream) => new Promise((resolve) => stream.closing.listen(resolve)),
  };
  const { client } = await start(t, [echo, deaf], { maxMessageBytes: 1000, maxWireBytes: 1000 });
  const stream = client.open('/test.Echo/Deaf');
  const answer = answerOf(stream);
  // Empty messages: 5 bytes each, of which a window holds two hundred thousand.
  stream.write(Buffer.concat(Array.from({ length: 20_000 }, () => frame(Buffer.alloc(0)))));
  assert.equal((await answer).status, 14);
  for (let i = 0; i < 3; i++) assert.equal((await client.call(ECHO, frame(hello))).status, 0);
});

test('an answer that cannot be written is INTERNAL, also where it is too large to go at once', async (t) => {
  const broken = (byteLength: number): UnaryHandler => {
    const copy = (): never => {
      throw new Error('no bytes');
    };
    return async () => ({ byteLength, copy });
  };
  const { client } = await start(t, [
    echo,
    unary(broken(100), '/test.Echo/Small'),
    unary(broken(100_000), '/test.Echo/Large'),
  ]);
  for (const path of ['/test.Echo/Small', '/test.Echo/Large']) {
    const answer = await client.call(path, frame(hello));
    assert.equal(answer.status, 13, path);
    assert.equal(answer.headers[':status'], 200);
  }
  assert.equal((await client.call(ECHO, frame(hello))).status, 0);
});

test('messages of a stream keep their order, however long each takes to unpack', async (t) => {
  const sizes: number[] = [];
  const count: RpcMethod = {
    kind: 'bidi-stream',
    path: '/test.Echo/Count',
    handler: async (stream) => {
      for await (const message of stream.messages) sizes.push(message.length);
    },
  };
  const { client } = await start(t, [count]);
  const stream = client.open('/test.Echo/Count', { 'grpc-encoding': 'gzip' });
  const answer = answerOf(stream);
  const wanted: number[] = [];
  for (let round = 0; round < 5; round++)
    for (const size of [8_000_000, 10, 1_000_000, 20]) {
      const message = Buffer.alloc(size);
      // Those of 20 bytes go as they are.
      stream.write(size === 20 ? frame(message) : frame(gzipSync(message), true));
      wanted.push(size);
    }
  stream.end();
  assert.equal((await answer).status, 0);
  assert.deepEqual(sizes, wanted);
});
