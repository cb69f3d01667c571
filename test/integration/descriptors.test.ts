/** No file descriptor is left: what a server does that cannot accept, and how it comes back. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandOf } from '../../worker/waiting-faults.js';
import { INFER, LIVE, startAttacked, WAIT_REQUEST } from '../support/attacked-server.js';
import { frame, RawClient } from '../support/raw-grpc.js';
import { input, len } from '../support/wire-bytes.js';

/**
 * The catalogue says 64, but Node opens two hundred files at once to load its modules. What counts is that more connections
 * come than there are descriptors.
 */
const DESCRIPTORS = 256;
const CONNECTIONS = 2 * DESCRIPTORS;

/** Connects so often; answers the sockets once each has been accepted or turned away. */
async function flood(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () =>
    connect(port, '127.0.0.1')
      .on('error', () => {})
      .resume(),
  );
  // Rejects for one that is turned away first.
  await Promise.allSettled(sockets.map((socket) => once(socket, 'connect')));
  return sockets;
}

test('D74 no descriptor left: calls of open connections are served, nothing spins, new ones work within a second', async (t) => {
  const server = await startAttacked([], { descriptors: DESCRIPTORS });
  t.after(() => server.stop());
  await server.pingMs();
  const sockets = await flood(server.port, CONNECTIONS);
  await sleep(200);
  const cpuMs = server.cpuMs();
  const pings: number[] = [];
  for (let i = 0; i < 20; i++) {
    pings.push(await server.pingMs());
    await sleep(50);
  }
  const spentMs = server.cpuMs() - cpuMs;
  const open = sockets.filter(({ readyState }) => readyState === 'open').length;
  t.diagnostic(
    `${open} of ${CONNECTIONS} connections open; pings take ${Math.max(...pings).toFixed(1)} ms at most; ${spentMs} ms of CPU in a second`,
  );
  assert.ok(open < DESCRIPTORS, `${open} connections are open: the limit was not reached`);
  assert.ok(spentMs < 300, `${spentMs} ms of CPU in a second for 20 pings`);
  assert.equal((await server.good.call(INFER, WAIT_REQUEST)).status, 0);
  const late = new RawClient(server.port);
  t.after(() => late.close());
  assert.notEqual(
    (await late.call(LIVE, frame(Buffer.alloc(0)))).status,
    0,
    'a connection more has been accepted',
  );

  // A worker that dies now is replaced when there is a descriptor for it.
  const row = new Uint8Array(Float32Array.of(commandOf('exit'), 0, 0, 0).buffer);
  await server.good.call(
    INFER,
    frame(Buffer.concat([len(1, 'wait'), input('X', 'FP32', [1, 4]), len(7, row)])),
  );

  for (const socket of sockets) socket.destroy();
  const freedAt = performance.now();
  let answered = false;
  while (!answered) {
    const client = new RawClient(server.port);
    answered = (await client.call(LIVE, frame(Buffer.alloc(0)))).status === 0;
    client.close();
    assert.ok(performance.now() - freedAt < 1000, 'no new connection works');
  }
  t.diagnostic(
    `a new connection works ${(performance.now() - freedAt).toFixed(0)} ms after descriptors are free`,
  );
  await server.assertWell();
  const until = performance.now() + 5000;
  while ((await server.gauges())['sluice_slots{state="ready"}'] !== 2) {
    assert.ok(performance.now() < until, server.process.output());
    await sleep(50);
  }
});
