/** Requests that one read of the socket brought share its memory: the answer of one must not take it from the others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient } from '../../client/client.js';
import type { Tensor } from '../../gateway/core/tensor.js';
import { InferResponse } from '../../gateway/grpc/infer-response.js';
import { FLAG, FRAME, frame as h2Frame } from '../../gateway/http2/frames.js';
import { ECHO, start, unary } from '../support/grpc-echo.js';
import { identityModel } from '../support/onnx-model.js';
import { frame } from '../support/raw-grpc.js';
import { openCall, RawH2 } from '../support/raw-h2.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const CALLS = 8;
const BYTES = 5000;

test('a call that is answered leaves the bytes of those that came with it alone', async (t) => {
  const bodies: Uint8Array[] = [];
  const seen: Buffer[] = [];
  let arrived = (): void => {};
  const all = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  const handler = unary(async (body) => {
    const mine = bodies.push(body);
    if (mine === CALLS) arrived();
    await all;
    // One after the other, each after the answer of the one before was written, and its memory given back.
    for (let turn = 1; turn < mine; turn++) await new Promise((resolve) => setImmediate(resolve));
    seen.push(Buffer.from(body));
    const data: Tensor = { name: 'y', datatype: 'UINT8', shape: [1], data: Buffer.from([mine]) };
    const timing = { queueMs: 0, computeMs: 0, batchRows: 1 };
    return new InferResponse({ model: 'm', version: 1, id: '', outputs: [data], timing }, body);
  });
  const { port } = await start(t, [handler]);
  const client = await RawH2.open(port);
  t.after(() => client.close());
  const calls = Array.from({ length: CALLS }, (_, i) => [
    openCall(2 * i + 1, ECHO),
    h2Frame(FRAME.data, FLAG.endStream, 2 * i + 1, frame(Buffer.alloc(BYTES, i + 1))),
  ]);
  client.send(...calls.flat());
  assert.equal(await client.until(() => seen.length === CALLS), true);
  assert.equal(new Set(bodies.map(({ buffer }) => buffer)).size < CALLS, true, 'they do share memory');
  assert.deepEqual(
    seen.map((body) => [body.length, body[0], body[BYTES - 1]]),
    Array.from({ length: CALLS }, (_, i) => [BYTES, i + 1, i + 1]),
  );
});

test('many calls of middling size at a time: each gets its own bytes back', async (t) => {
  const repository = makeRepository(t, { 'echo/1/model.onnx': identityModel('FP32', ['N', 'L']) });
  const { address } = await useGateway(t, { modelRepository: [repository] });
  const client = createClient({ address });
  t.after(() => client.close());
  const echo = client.model('echo');
  let id = 0;
  const one = async (width: number): Promise<void> => {
    const first = ++id * 10_000;
    const row = Float32Array.from({ length: width }, (_, i) => first + i);
    const { outputs } = await echo.predict({ X: { shape: [1, width], data: row } });
    const [answer = []] = (outputs.Y?.data ?? []) as readonly number[][];
    assert.deepEqual(Float32Array.from(answer), row);
  };
  for (let round = 0; round < 20; round++)
    await Promise.all(
      Array.from({ length: 48 }, (_, i) => one([300, 1250, 2500, 4500, 9000][i % 5] as number)),
    );
});
