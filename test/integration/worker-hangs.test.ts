/** Workers that do not come back from a run. Servers of their own: a thread that is wedged keeps its process from ending. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createClient, type SluiceClient, SluiceClientError } from '../../client/client.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { makeRepository } from '../support/use-gateway.js';

async function serve(
  t: TestContext,
  workers: number,
): Promise<ServerProcess & { readonly client: SluiceClient }> {
  const wait = JSON.stringify({ costMs: { fixed: 5 }, maxBatchSize: 1 });
  const repository = makeRepository(t, {
    'wait/1/model.wait.json': Buffer.from(wait),
    'other/1/model.wait.json': Buffer.from(wait),
  });
  const server = await startServerProcess({
    args: [
      ...['--model-repository', repository, '--workers', String(workers), '--enable-waiting-runtime'],
      ...['--worker-hang-timeout-ms', '300', '--exit-timeout-secs', '3', '--server-supervise', 'off'],
    ],
  });
  t.after(() => server.stop());
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}` });
  t.after(() => client.close());
  return { ...server, client };
}

const row = (first: number) => ({ X: [[first, 2, 3, 4]] });

async function codeOf(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'OK',
    (error: unknown) => {
      assert.ok(error instanceof SluiceClientError);
      return error.code;
    },
  );
}

for (const kind of ['hang', 'hang-native'] as const)
  test(`D65 D66 a run that never comes back (${kind}): its thread is fenced, the others serve on, and the end is in time`, async (t) => {
    const server = await serve(t, 3);
    const { client } = server;
    const wait = client.model('wait');
    // It wedges one worker, then another, and is to blame; the third is left for all.
    assert.equal(await codeOf(wait.predict(row(commandOf(kind)), { deadlineMs: 10_000 })), 'INTERNAL');
    const others = await Promise.all(
      Array.from({ length: 50 }, (_, i) => client.model('other').predict(row(i), { deadlineMs: 5000 })),
    );
    assert.equal(others.length, 50);
    assert.equal(await codeOf(wait.predict(row(7), { deadlineMs: 5000 })), 'OK');
    // The same input is not tried again.
    assert.equal(await codeOf(wait.predict(row(commandOf(kind)), { deadlineMs: 5000 })), 'INTERNAL');
    assert.equal(await codeOf(wait.predict(row(8), { deadlineMs: 5000 })), 'OK');
    const live = await fetch(`http://127.0.0.1:${server.httpPort}/livez`);
    assert.equal(live.status, 200);
    assert.match(server.output(), /a worker is given up.*at most 300 are allowed|at most 300 are allowed/);
    const startedAt = performance.now();
    assert.deepEqual(await server.stop(), { code: null, signal: 'SIGKILL' });
    assert.ok(performance.now() - startedAt < 5000);
  });

test('D65 all workers wedged: those who wait are told, the server is not live and ends, for its supervisor to restart it', async (t) => {
  const server = await serve(t, 2);
  const wait = server.client.model('wait');
  const poison = codeOf(wait.predict(row(commandOf('hang')), { deadlineMs: 20_000 }));
  assert.equal(await poison, 'INTERNAL');
  const startedAt = performance.now();
  assert.equal(await codeOf(wait.predict(row(1), { deadlineMs: 20_000 })), 'UNAVAILABLE');
  assert.ok(performance.now() - startedAt < 10_000);
  assert.deepEqual(await server.ended, { code: null, signal: 'SIGKILL' });
  assert.match(server.output(), /every worker is wedged inside a run/);
});
