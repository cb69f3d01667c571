import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import { silentLogger } from '../../gateway/core/logger.js';
import { GrpcTransport } from '../../gateway/grpc/grpc-transport.js';
import { ECHO, echo, gate, hello, start, unary } from '../support/grpc-echo.js';
import { frame, RawClient } from '../support/raw-grpc.js';

test('a drain refuses new connections, lets calls in flight finish, and then resolves', async (t) => {
  const held = gate();
  const { transport, client, port } = await start(t, [unary(held.handler)]);
  const answer = client.call(ECHO, frame(hello));
  await held.context;
  let drained = false;
  const done = transport.drain().then(() => {
    drained = true;
  });
  const late = new RawClient(port);
  const [error] = (await once(late.session, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
  assert.equal(drained, false);
  held.answer(hello);
  assert.equal((await answer).status, 0);
  await done;
});

test('close cuts calls in flight and connections', async (t) => {
  const held = gate();
  const { transport, client } = await start(t, [unary(held.handler)]);
  const answer = client.call(ECHO, frame(hello));
  const { cancellation } = await held.context;
  const cancelled = new Promise<void>((resolve) => cancellation.listen(resolve));
  transport.close();
  assert.equal((await answer).status, undefined);
  await cancelled;
  held.answer(hello);
});

test('G105 a port that is taken is said, with the address', async (t) => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  t.after(() => holder.close());
  const { port } = holder.address() as { port: number };
  const transport = new GrpcTransport({
    address: `127.0.0.1:${port}`,
    methods: [echo],
    clock: systemClock,
    logger: silentLogger,
  });
  t.after(() => transport.close());
  await assert.rejects(transport.listen(), (error: GatewayError) => {
    assert.equal(error.code, 'FAILED_PRECONDITION');
    assert.match(error.message, new RegExp(`cannot listen for gRPC on '127.0.0.1:${port}': it is in use`));
    return true;
  });
});

test('G105 a Unix socket works, and one with a path too long or a missing folder is said', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const make = (address: string): GrpcTransport => {
    const transport = new GrpcTransport({
      address,
      methods: [echo],
      clock: systemClock,
      logger: silentLogger,
    });
    t.after(() => transport.close());
    return transport;
  };
  assert.equal(await make(`unix:${folder}/s.sock`).listen(), 0);
  const long = `unix:${folder}/${'x'.repeat(120)}`;
  await assert.rejects(make(long).listen(), /cannot listen for gRPC on 'unix:.*at most 107/);
  await assert.rejects(make(`unix:${folder}/none/s.sock`).listen(), /the folder of the socket is missing/);
});
