import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerReader } from '../../../../../bench/side-by-side/peers/http-answer.js';

const ANSWER = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: gunicorn\r\nContent-Length: 13\r\n\r\n{"label":["é',
  'utf8',
);

test('an answer in whatever pieces it comes is read whole, once its last byte is there', () => {
  for (let size = 1; size <= ANSWER.length; size++) {
    const reader = new AnswerReader();
    for (let at = 0; at < ANSWER.length - size; at += size)
      assert.equal(reader.push(ANSWER.subarray(at, at + size)), undefined);
    const rest = ANSWER.length % size === 0 ? size : ANSWER.length % size;
    assert.deepEqual(reader.push(ANSWER.subarray(ANSWER.length - rest)), {
      status: 200,
      body: '{"label":["é',
    });
  }
});

test('an answer without a length is refused, for nobody knows where it ends', () => {
  const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';
  assert.throws(() => new AnswerReader().push(Buffer.from(chunked)), /does not say how long it is/);
});
