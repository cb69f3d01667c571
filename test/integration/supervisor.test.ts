/** `sluice serve` under its supervisor: crashes, signals, and the end of the supervisor itself. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../client/client.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { runCommand } from '../support/run-server.js';
import { portFlags } from '../support/server-process.js';
import { childrenOf, startSupervised } from '../support/supervised.js';
import { makeRepository } from '../support/use-gateway.js';

const FLOWER = { X: [[5.1, 3.5, 1.4, 0.2]] };

async function until(what: string, condition: () => boolean, withinMs = 20_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!condition()) {
    assert.ok(performance.now() < end, `not within ${withinMs} ms: ${what}`);
    await sleep(5);
  }
}

test('D68 a model that crashes the server at each load: a few restarts, then exit 1 and a word why', async (t) => {
  const spec = { faults: [{ kind: 'abort', probability: 1, when: 'load' }] };
  const repository = makeRepository(t, { 'bad/1/model.wait.json': Buffer.from(JSON.stringify(spec)) });
  const command = runCommand([
    ...['serve', repository, '--enable-waiting-runtime', '--server-supervise', 'on'],
    ...portFlags(),
  ]);
  assert.deepEqual(await command.ended, { code: 1, signal: null }, command.output());
  const restarts = command.output().match(/the server ended by SIGABRT: starting it again/g) ?? [];
  assert.equal(restarts.length, 5, command.output());
  assert.match(command.output(), /the 6th time within 60 s of service: giving up.*isolation/);
});

test('a signal that reaches supervisor and server both, as from a terminal, drains once; nothing in flight is lost', async (t) => {
  const server = await startSupervised(t);
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}` });
  t.after(() => client.close());
  const call = client.model('wait').predict({ X: [[1, 2, 3, 4]] });
  await sleep(100);
  for (const pid of [server.pid, ...childrenOf(server.pid)]) process.kill(pid, 'SIGINT');
  await call;
  assert.deepEqual(await server.ended, { code: 0, signal: null });
  assert.equal(server.output().match(/"draining"/g)?.length, 1);
  assert.doesNotMatch(server.output(), /second signal/);
});

test('G102 a second signal to the supervisor ends the server at once, with its code', async (t) => {
  const server = await startSupervised(t, ['--drain-delay-ms', '20000']);
  process.kill(server.pid, 'SIGHUP');
  await until('draining', () => server.output().includes('"draining"'));
  const startedAt = performance.now();
  assert.deepEqual(await server.stop(), { code: 143, signal: null }, server.output());
  assert.ok(performance.now() - startedAt < 2000);
});

test('G102 a server that does not hear the second signal is killed', async (t) => {
  const server = await startSupervised(t);
  const [child] = childrenOf(server.pid) as [number];
  process.kill(child, 'SIGSTOP');
  process.kill(server.pid, 'SIGTERM');
  await sleep(50);
  assert.deepEqual(await server.stop(), { code: 137, signal: null });
});

test('a supervisor that is killed takes the server with it, after a drain', async (t) => {
  const server = await startSupervised(t);
  const [child] = childrenOf(server.pid) as [number];
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}` });
  t.after(() => client.close());
  const call = client.model('wait').predict({ X: [[1, 2, 3, 4]] });
  await sleep(100);
  process.kill(server.pid, 'SIGKILL');
  await call;
  await until('the server ends', () => !existsSync(`/proc/${child}`));
  await server.stop();
  assert.match(server.output(), /the supervisor is gone.*"draining"/);
});

test('a stop that comes between two servers: the next one is not started', async (t) => {
  const server = await startSupervised(t);
  // The second crash of a row is followed by a pause.
  const [first] = childrenOf(server.pid) as [number];
  process.kill(first, 'SIGKILL');
  await until('the second', () => (childrenOf(server.pid)[0] ?? first) !== first);
  process.kill(childrenOf(server.pid)[0] as number, 'SIGKILL');
  await until('the pause', () => server.output().includes('again in 500 ms'));
  const startedAt = performance.now();
  assert.deepEqual(await server.stop(), { code: 137, signal: null }, server.output());
  assert.ok(performance.now() - startedAt < 400);
});

test('D65 all workers wedged in runs that never end: the server ends itself, the supervisor starts it again', async (t) => {
  const server = await startSupervised(t, [
    '--workers',
    '1',
    '--worker-hang-timeout-ms',
    '300',
    '--exit-timeout-secs',
    '3',
  ]);
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}`, maxAttempts: 1 });
  t.after(() => client.close());
  const hang = { X: [[commandOf('hang'), 2, 3, 4]] };
  await assert.rejects(client.model('wait').predict(hang, { deadlineMs: 20_000 }));
  await until('it is started again', () =>
    server.output().includes('the server ended by SIGKILL: starting it again'),
  );
  let answer: unknown;
  await until('iris answers', () => {
    void client
      .model('iris')
      .predict(FLOWER, { deadlineMs: 500 })
      .then(
        (given) => {
          answer = given;
        },
        () => {},
      );
    return answer !== undefined;
  });
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});
