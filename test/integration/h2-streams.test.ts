/** Frames on streams that never were, or that the server has just ended: rules of RFC 9113 that a table of open streams must not blur. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FRAME, frame, H2_ERROR, numberFrame } from '../../gateway/http2/frames.js';
import { ECHO, start, unary } from '../support/grpc-echo.js';
import { openCall, RawH2 } from '../support/raw-h2.js';

test('a stream of the server’s that it never opened is idle: any frame on it breaks the connection (section 5.1)', async (t) => {
  const { port } = await start(t, [unary(async (body) => Buffer.from(body))]);
  const frames = {
    data: frame(FRAME.data, 0, 2, Buffer.alloc(1)),
    window: numberFrame(FRAME.windowUpdate, 2, 1),
    reset: numberFrame(FRAME.rstStream, 2, H2_ERROR.cancel),
  };
  for (const [name, bytes] of Object.entries(frames)) {
    const client = await RawH2.open(port);
    client.send(openCall(5, ECHO), bytes);
    await client.until(() => client.goaway !== undefined, 500);
    client.close();
    assert.equal(client.goaway, H2_ERROR.protocolError, name);
  }
});

test('what was on its way on a stream that was refused as malformed is no further fault (section 5.4.2)', async (t) => {
  const { port } = await start(t, [unary(async (body) => Buffer.from(body))]);
  const client = await RawH2.open(port);
  t.after(() => client.close());
  const data = frame(FRAME.data, 0, 1, Buffer.alloc(10));
  client.send(openCall(1, ECHO, [['Upper', 'x']]), ...new Array<Buffer>(20).fill(data));
  client.send(frame(FRAME.ping, 0, 0, Buffer.alloc(8)));
  assert.equal(await client.until(() => client.frames.some(({ type }) => type === FRAME.ping)), true);
  assert.equal(client.resetOf(1), H2_ERROR.protocolError);
  assert.equal(client.frames.filter(({ type }) => type === FRAME.rstStream).length, 1);
});
