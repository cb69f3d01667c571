import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Call } from '../../../../bench/http2/call.js';
import { STATUS, statusName, statusOfHttp, statusOfReset } from '../../../../bench/http2/grpc-status.js';

const HELLO = Buffer.from('\0\0\0\0\x05hello', 'latin1');

/** A call that gets these pieces of a body, and the messages that it passed on. */
function receive(pieces: readonly Buffer[], wantsMessage = true): { call: Call; messages: string[] } {
  const call = new Call();
  call.wantsMessage = wantsMessage;
  call.reset();
  call.httpStatus = 200;
  call.grpcStatus = 0;
  const messages: string[] = [];
  for (const piece of pieces) {
    const message = call.receive(piece, 0, piece.length);
    if (message !== undefined) messages.push(message.toString('latin1'));
  }
  call.finish();
  return { call, messages };
}

test('passes on a message once, however it is cut', () => {
  for (let cut = 0; cut <= HELLO.length; cut++) {
    const { call, messages } = receive([HELLO.subarray(0, cut), HELLO.subarray(cut)]);
    assert.deepEqual(messages, ['hello'], `cut at ${cut}`);
    assert.equal(call.status, STATUS.ok);
  }
  const bytes = [...HELLO].map((byte) => Buffer.from([byte]));
  assert.deepEqual(receive(bytes).messages, ['hello']);
});

test('an empty message is a message', () => {
  assert.deepEqual(receive([Buffer.alloc(5)]).messages, ['']);
  assert.equal(receive([Buffer.alloc(2), Buffer.alloc(3)]).call.status, STATUS.ok);
});

test('passes nothing on when nobody wants it, and still counts', () => {
  const { call, messages } = receive([HELLO.subarray(0, 7), HELLO.subarray(7)], false);
  assert.deepEqual(messages, []);
  assert.equal(call.status, STATUS.ok);
});

const ENDS: readonly (readonly [
  why: string,
  pieces: readonly Buffer[],
  change: (call: Call) => void,
  status: string,
])[] = [
  ['OK without a message', [], () => {}, 'INTERNAL'],
  ['OK with half a message', [HELLO.subarray(0, 8)], () => {}, 'INTERNAL'],
  ['OK with two messages', [HELLO, HELLO], () => {}, 'INTERNAL'],
  ['OK with two messages in one frame', [Buffer.concat([HELLO, HELLO])], () => {}, 'INTERNAL'],
  ['a compressed message', [Buffer.from('\x01\0\0\0\x01x', 'latin1')], () => {}, 'INTERNAL'],
  ['a status', [], (call) => (call.grpcStatus = 5), 'NOT_FOUND'],
  ['a status after a message', [HELLO], (call) => (call.grpcStatus = 13), 'INTERNAL'],
  [
    'HTTP 503 of a proxy',
    [],
    (call) => Object.assign(call, { httpStatus: 503, grpcStatus: -1 }),
    'UNAVAILABLE',
  ],
  ['HTTP 200 without grpc-status', [HELLO], (call) => (call.grpcStatus = -1), 'INTERNAL'],
];

for (const [why, pieces, change, wanted] of ENDS) {
  test(`${why} is ${wanted}`, () => {
    const { call } = receive(pieces);
    change(call);
    call.finish();
    assert.equal(statusName(call.status), wanted);
  });
}

test('resets mean what the gRPC specification says', () => {
  const names = [7, 8, 11, 12, 0, 1, 2, 99].map((code) => statusName(statusOfReset(code)));
  assert.deepEqual(names, [
    'UNAVAILABLE',
    'CANCELLED',
    'RESOURCE_EXHAUSTED',
    'PERMISSION_DENIED',
    'INTERNAL',
    'INTERNAL',
    'INTERNAL',
    'INTERNAL',
  ]);
});

test('HTTP statuses mean what the gRPC specification says', () => {
  const names = [400, 401, 403, 404, 429, 502, 503, 504, 500, 0].map((code) =>
    statusName(statusOfHttp(code)),
  );
  assert.deepEqual(names, [
    'INTERNAL',
    'UNAUTHENTICATED',
    'PERMISSION_DENIED',
    'UNIMPLEMENTED',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNAVAILABLE',
    'UNKNOWN',
    'UNKNOWN',
  ]);
});
