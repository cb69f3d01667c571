import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GatewayError } from '../../../gateway/core/error.js';
import { MessageReader } from '../../../gateway/grpc/message-reader.js';
import { WireBudget } from '../../../gateway/grpc/wire-budget.js';
import { frame } from '../../support/raw-grpc.js';

function reader(maxMessageBytes = 1 << 24, budget = new WireBudget(1 << 24)) {
  const seen: Buffer[] = [];
  return {
    seen,
    budget,
    reader: new MessageReader({ maxMessageBytes, budget }, (bytes) => seen.push(bytes)),
  };
}

test('messages come out whole, wherever the body is cut, and the budget is as before', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 20 })), (sent, cuts) => {
      const all = Buffer.concat(sent.map((message) => frame(message)));
      const { seen, reader: read, budget } = reader();
      let at = 0;
      for (const cut of cuts) {
        const end = Math.min(all.length, at + cut);
        read.push(all, at, end);
        at = end;
      }
      read.push(all, at, all.length);
      assert.deepEqual(
        seen.map((bytes) => new Uint8Array(bytes)),
        sent,
      );
      assert.equal(read.midway, false);
      assert.equal(budget.used, 0);
    }),
  );
});

test('a message in one piece is a view, one in several is a copy', () => {
  const { seen, reader: read } = reader();
  const whole = frame(Buffer.from('hello'));
  assert.equal(read.push(whole, 0, whole.length), true);
  assert.equal(seen[0]?.buffer, whole.buffer);
  assert.equal(read.push(whole, 0, 7), false);
  assert.equal(read.push(whole, 7, whole.length), false);
  assert.notEqual(seen[1]?.buffer, whole.buffer);
});

test('a large message grows with what has come, and is right', () => {
  const { seen, reader: read } = reader();
  const message = Buffer.alloc(5_000_000);
  for (let i = 0; i < message.length; i += 4096) message.writeUInt32LE(i, i);
  const all = frame(message);
  for (let at = 0; at < all.length; at += 16_384) read.push(all, at, Math.min(all.length, at + 16_384));
  assert.equal(message.equals(seen[0] as Buffer), true);
});

test('B25 a message over the limit is refused by its prefix', () => {
  const { reader: read } = reader(1000);
  const head = frame(Buffer.alloc(1001)).subarray(0, 5);
  assert.throws(
    () => read.push(head, 0, 5),
    (error) => error instanceof GatewayError && error.code === 'RESOURCE_EXHAUSTED',
  );
});

test('F93 messages under way share a budget, and give it back when they end or are given up', () => {
  const budget = new WireBudget(1000);
  const first = reader(10_000, budget).reader;
  const second = reader(10_000, budget).reader;
  const body = frame(Buffer.alloc(800));
  // What was announced costs nothing, what has come does.
  first.push(body, 0, 10);
  assert.equal(budget.used, 5);
  first.push(body, 10, 605);
  assert.equal(budget.used, 600);
  second.push(body, 0, 5);
  assert.throws(
    () => second.push(body, 5, 600),
    (error) => error instanceof GatewayError && error.code === 'UNAVAILABLE',
  );
  first.stop();
  assert.equal(budget.used, 0);
  second.stop();
  assert.equal(budget.used, 0);
});

test('B26 a flag other than 0 and 1 is refused', () => {
  const { reader: read } = reader();
  assert.throws(() => read.push(Buffer.from([2, 0, 0, 0, 0]), 0, 5), GatewayError);
});

test('a small message out of a large chunk is a copy: it must not keep the chunk', () => {
  const { seen, reader: read } = reader();
  const chunk = Buffer.concat([frame(Buffer.from('small')), Buffer.alloc(20_000)]);
  assert.equal(read.push(chunk, 0, 10), false);
  assert.notEqual(seen[0]?.buffer, chunk.buffer);
  assert.equal(seen[0]?.toString(), 'small');
});
