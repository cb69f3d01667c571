import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ConnectionError } from '../../../gateway/http2/errors.js';
import { FrameSplitter } from '../../../gateway/http2/frame-splitter.js';
import { frame } from '../../../gateway/http2/frames.js';

test('frames come out whole and in order, wherever the socket cuts them', () => {
  const frames = fc.array(
    fc.record(
      {
        type: fc.nat(12),
        flags: fc.nat(255),
        stream: fc.nat(2 ** 31 - 1),
        payload: fc.uint8Array({ maxLength: 60 }),
      },
      { noNullPrototype: true },
    ),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(frames, fc.array(fc.nat(20)), (sent, cuts) => {
      const bytes = Buffer.concat(sent.map((f) => frame(f.type, f.flags, f.stream, f.payload)));
      const seen: unknown[] = [];
      const splitter = new FrameSplitter(16_384, (type, flags, stream, from, start, end) => {
        seen.push({ type, flags, stream, payload: new Uint8Array(from.subarray(start, end)) });
        return false;
      });
      let at = 0;
      for (const cut of cuts) {
        splitter.push(bytes.subarray(at, at + cut), 0);
        at = Math.min(bytes.length, at + cut);
      }
      splitter.push(bytes.subarray(at), 0);
      assert.deepEqual(seen, sent);
    }),
  );
});

test('A10 a frame over the limit is FRAME_SIZE_ERROR as soon as its head is there', () => {
  const splitter = new FrameSplitter(16_384, () => assert.fail('a frame'));
  const head = frame(0, 0, 1, Buffer.alloc(0));
  head.writeUIntBE(16_385, 0, 3);
  assert.throws(
    () => splitter.push(head, 0),
    (error) => error instanceof ConnectionError && error.code === 6,
  );
  const bytewise = new FrameSplitter(16_384, () => assert.fail('a frame'));
  assert.throws(() => {
    for (const byte of head) bytewise.push(Buffer.from([byte]), 0);
  }, ConnectionError);
});

test('a frame in pieces that is kept stays as it is when others come', () => {
  const kept: Buffer[] = [];
  const splitter = new FrameSplitter(16_384, (_type, _flags, _stream, bytes, start, end) => {
    kept.push(bytes.subarray(start, end));
    return true;
  });
  for (const text of ['first', 'other']) {
    const bytes = frame(0, 0, 1, Buffer.from(text));
    splitter.push(bytes.subarray(0, 11), 0);
    assert.equal(splitter.push(bytes.subarray(11), 0), false, 'of the chunk itself nothing is kept');
  }
  assert.deepEqual(kept.map(String), ['first', 'other']);
});
