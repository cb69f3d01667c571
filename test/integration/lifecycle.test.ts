import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Client, credentials, loadPackageDefinition, type ServiceError } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { createClient } from '../../client/client.js';
import { Cancellation } from '../../gateway/core/cancellation.js';
import { systemClock } from '../../gateway/core/clock.js';
import type { GatewayError } from '../../gateway/core/error.js';
import { createGateway } from '../../gateway/gateway.js';
import { runCommand } from '../support/run-server.js';
import { portFlags, startServerProcess } from '../support/server-process.js';
import { EXAMPLES, FREE_PORTS, REPOSITORY_ROOT, useGateway } from '../support/use-gateway.js';

const SERVE = ['--config-file', 'examples/sluice.yaml'];

/** Opens a Health.Watch by proto-loader, and collects what it says and how it ends. */
function watchHealth(address: string): { client: Client; statuses: string[]; ended: Promise<number> } {
  const proto = loadSync('grpc/health/v1/health.proto', {
    includeDirs: [join(REPOSITORY_ROOT, 'proto')],
    enums: String,
    defaults: true,
  });
  const { Health } = (loadPackageDefinition(proto) as never as HealthPackage).grpc.health.v1;
  const client = new Health(address, credentials.createInsecure());
  const statuses: string[] = [];
  const call = client.watch({ service: '' });
  call.on('data', (message: { status: string }) => statuses.push(message.status));
  const ended = new Promise<number>((resolve) => {
    call.on('error', (error: ServiceError) => resolve(error.code));
    call.on('end', () => resolve(0));
  });
  return { client, statuses, ended };
}

interface HealthPackage {
  grpc: {
    health: {
      v1: {
        Health: new (
          address: string,
          credentials: unknown,
        ) => Client & { watch(request: object): NodeJS.ReadableStream };
      };
    };
  };
}

test('G101 SIGTERM with an open watch and an idle connection: the watch hears NOT_SERVING and ends, exit 0 in time', async (t) => {
  const server = await startServerProcess({ args: [...SERVE, '--exit-timeout-secs', '5'] });
  t.after(() => server.stop());
  const { client, statuses, ended } = watchHealth(`127.0.0.1:${server.grpcPort}`);
  const idle = connect(server.grpcPort, '127.0.0.1');
  t.after(() => idle.destroy());
  await once(idle, 'connect');
  while (!statuses.includes('SERVING')) await new Promise((resolve) => setTimeout(resolve, 5));
  const startedAt = performance.now();
  const exit = await server.stop();
  assert.deepEqual(exit, { code: 0, signal: null }, server.output());
  assert.ok(performance.now() - startedAt < 5500);
  assert.equal(await ended, 0);
  assert.equal(statuses.at(-1), 'NOT_SERVING');
  client.close();
});

test('calls accepted before SIGTERM are answered, under load', async (t) => {
  const server = await startServerProcess({ args: SERVE });
  t.after(() => server.stop());
  const client = createClient({ address: `127.0.0.1:${server.grpcPort}` });
  t.after(() => client.close());
  const iris = client.model('iris');
  await iris.predict({ X: [[5.1, 3.5, 1.4, 0.2]] });
  let answered = 0;
  // Sent before the signal, in one go: all of them are accepted by the time that the process hears of it, or refused
  // as never started, in which case the client says UNAVAILABLE.
  const calls = Array.from({ length: 300 }, () =>
    iris.predict({ X: [[5.1, 3.5, 1.4, 0.2]] }).then(
      () => answered++,
      (error: Error) => error,
    ),
  );
  await calls[0];
  const stopping = server.stop();
  const results = await Promise.all(calls);
  assert.deepEqual(
    results.filter((result) => result instanceof Error),
    [],
  );
  assert.equal(answered, 300);
  assert.deepEqual(await stopping, { code: 0, signal: null });
});

test('G102 a second signal ends the server at once, however long the first would have taken', async () => {
  const server = await startServerProcess({ args: [...SERVE, '--drain-delay-ms', '20000'] });
  process.kill(server.pid, 'SIGINT');
  while (!server.output().includes('draining')) await new Promise((resolve) => setTimeout(resolve, 5));
  const startedAt = performance.now();
  const exit = await server.stop();
  assert.equal(exit.code, 128 + 15, server.output());
  assert.ok(performance.now() - startedAt < 2000);
});

test('G103 a signal while models load, or before the server listens, ends it with 0', async () => {
  for (const waitFor of ['', 'listening']) {
    const command = runCommand(['serve', ...SERVE, ...portFlags()]);
    if (waitFor === '') await command.started;
    else while (!command.output().includes(waitFor)) await new Promise((resolve) => setTimeout(resolve, 2));
    command.child.kill('SIGTERM');
    const exit = await command.ended;
    // Before Node has run our first line nobody can catch a signal: then it ends the process as a signal does.
    const early = waitFor === '' && exit.signal === 'SIGTERM' && command.output() === '';
    assert.ok(exit.code === 0 || early, `${JSON.stringify(exit)} ${command.output()}`);
  }
});

test('G105 an address that cannot be had: a message that names it and the way out, exit 78', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const at = (way: string) => new RegExp(`127\\.0\\.0\\.1:${port}.*${way}`);
  const rows: [string[], RegExp][] = [
    [portFlags({ grpc: port }), at('--grpc-port')],
    [portFlags({ http: port }), at('--http-port')],
    [portFlags({ metrics: port }), at('--metrics-port, or have none with --metrics-own-port=false')],
    [portFlags({ admin: port }), at('--admin-port')],
    [['--grpc-address', '192.0.2.1', ...portFlags()], /192\.0\.2\.1:0/],
  ];
  for (const [args, wanted] of rows) {
    const command = runCommand(['serve', ...SERVE, ...args]);
    const exit = await command.ended;
    assert.equal(exit.code, 78, command.output());
    assert.match(command.output(), wanted);
  }
});

test('a repository that is not understood: the tree found and the layout wanted, exit 78', async () => {
  const command = runCommand(['serve', 'proto', ...portFlags()]);
  assert.equal((await command.ended).code, 78);
  assert.match(command.output(), /model\.onnx/);
  assert.match(command.output(), /grpc_service\.proto|inference/);
});

test('in process: starts, infers without a network, stops twice without harm, and says why it is not ready', async (t) => {
  const { gateway } = await useGateway(t, {
    modelRepository: [EXAMPLES],
    requiredModels: ['iris', 'absent'],
  });
  assert.deepEqual(gateway.readiness(), { ready: false, reason: 'required but not available: absent' });
  await Promise.all([gateway.stop(), gateway.stop()]);
  assert.equal(gateway.phase, 'stopped');
  assert.throws(() => createGateway({ grpc: { port: -1 } }), /grpc\.port/);
});

test('a connection that has reached its age is told to go, and its client calls on over a new one', async (t) => {
  const { address } = await useGateway(t, {
    modelRepository: [EXAMPLES],
    grpc: { maxConnectionAgeMs: 50, maxConnectionAgeGraceMs: 1000 },
  });
  const session = connectHttp2(`http://${address}`);
  const [code] = (await once(session, 'goaway')) as [number];
  assert.equal(code, 0);
  session.close();
  const client = createClient({ address });
  t.after(() => client.close());
  const until = performance.now() + 300;
  while (performance.now() < until) await client.model('iris').predict({ X: [[5.1, 3.5, 1.4, 0.2]] });
});

test('a client that comes before the workers are up hears that its model is loading', async (t) => {
  const answers: unknown[] = [];
  const gateway = createGateway(
    { modelRepository: [EXAMPLES], ...FREE_PORTS },
    {
      openChannel: async () => {
        const now = systemClock.now();
        const call = { model: 'iris', version: '', id: '', inputs: [], outputs: [], parameters: new Map() };
        const rest = { deadline: now + 1000, cancellation: new Cancellation(), arrivedAt: now };
        answers.push(await gateway.infer({ ...call, ...rest }).catch((error: GatewayError) => error.code));
        throw new Error('no worker here');
      },
    },
  );
  t.after(() => gateway.stop());
  await gateway.start();
  assert.equal(answers[0], 'UNAVAILABLE');
});
