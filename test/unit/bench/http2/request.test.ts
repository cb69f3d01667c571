import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeHeaders } from '../../../../bench/http2/hpack-decode.js';
import { type RequestOptions, RequestTemplate } from '../../../../bench/http2/request.js';
import { FRAME } from '../../../../gateway/http2/frames.js';

const options = (changes: Partial<RequestOptions> = {}): RequestOptions => ({
  authority: 'localhost:8001',
  path: '/test.Echo/Call',
  metadata: [],
  timed: false,
  bodies: [Buffer.from('hello')],
  ...changes,
});

interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

function framesOf(bytes: Buffer): SeenFrame[] {
  const frames: SeenFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    frames.push({
      type: bytes[at + 3] as number,
      flags: bytes[at + 4] as number,
      stream: bytes.readUInt32BE(at + 5),
      payload,
    });
    at += 9 + length;
  }
  return frames;
}

test('a small request is two frames of its stream: a header block that ends, and a message that ends the stream', () => {
  const template = new RequestTemplate(options({ metadata: [['x-tenant', 'a']] }));
  const whole = template.bodies[0]?.whole as Buffer;
  const out = Buffer.alloc(whole.length + 3);
  template.writeWhole(out, 3, whole, 77, 0);
  const [headers, data, ...more] = framesOf(out.subarray(3));
  assert.equal(more.length, 0);
  assert.deepEqual([headers?.type, headers?.flags, headers?.stream], [FRAME.headers, 4, 77]);
  assert.deepEqual(decodeHeaders(headers?.payload as Buffer), [
    [':method', 'POST'],
    [':scheme', 'http'],
    [':path', '/test.Echo/Call'],
    [':authority', 'localhost:8001'],
    ['te', 'trailers'],
    ['content-type', 'application/grpc'],
    ['user-agent', 'grpc-sluice-bench'],
    ['x-tenant', 'a'],
  ]);
  assert.deepEqual([data?.type, data?.flags, data?.stream], [FRAME.data, 1, 77]);
  assert.deepEqual(data?.payload, Buffer.from('\0\0\0\0\x05hello', 'latin1'));
});

const TIMEOUTS: readonly (readonly [why: string, timeoutMs: number, value: string])[] = [
  ['a whole number of milliseconds', 20, '00000020m'],
  ['a fraction is rounded up', 19.001, '00000020m'],
  ['next to nothing is a millisecond', 0.0001, '00000001m'],
  ['more than eight digits is the longest there is', 1e12, '99999999m'],
];

for (const [why, timeoutMs, value] of TIMEOUTS) {
  test(`grpc-timeout: ${why}`, () => {
    const template = new RequestTemplate(options({ timed: true, metadata: [['x', 'y']] }));
    const out = Buffer.alloc(template.head.length);
    template.writeHead(out, 0, 1, timeoutMs);
    const fields = decodeHeaders(framesOf(out)[0]?.payload as Buffer);
    assert.equal(fields.find(([name]) => name === 'grpc-timeout')?.[1], value);
    assert.deepEqual(fields.at(-1), ['x', 'y']);
  });
}

test('metadata beyond a frame goes into CONTINUATION frames of the same stream', () => {
  const big = 'v'.repeat(40_000);
  const template = new RequestTemplate(options({ metadata: [['x-big', big]] }));
  const out = Buffer.alloc(template.head.length);
  template.writeHead(out, 0, 9, 0);
  const frames = framesOf(out);
  assert.deepEqual(
    frames.map(({ type, flags, stream }) => [type, flags, stream]),
    [
      [FRAME.headers, 0, 9],
      [FRAME.continuation, 0, 9],
      [FRAME.continuation, 4, 9],
    ],
  );
  const block = Buffer.concat(frames.map(({ payload }) => payload));
  assert.deepEqual(decodeHeaders(block).at(-1), ['x-big', big]);
});

test('a message that needs more than one frame has no whole', () => {
  const template = new RequestTemplate(options({ bodies: [Buffer.alloc(16_379), Buffer.alloc(16_380)] }));
  assert.ok(template.bodies[0]?.whole);
  assert.equal(template.bodies[1]?.whole, undefined);
  assert.equal(template.bodies[1]?.message.length, 16_385);
});

test('a path that does not fit into a frame is refused', () => {
  assert.throws(
    () => new RequestTemplate(options({ path: `/${'x'.repeat(20_000)}` })),
    /must fit into one frame/,
  );
});
