/** `sluice serve` under its supervisor, for the tests of both. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { type ServerProcess, startServerProcess } from './server-process.js';
import { makeRepository } from './use-gateway.js';

/** A port that is free now; a restarted server must come back to the same one. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** A server under its supervisor, on ports that stay what they are, with iris and a model `wait` of 300 ms a run. */
export async function startSupervised(t: TestContext, args: readonly string[] = []): Promise<ServerProcess> {
  const waiting = makeRepository(t, { 'wait/1/model.wait.json': Buffer.from('{"costMs":{"fixed":300}}') });
  const repositories = ['--model-repository', 'examples', '--model-repository', waiting];
  const server = await startServerProcess({
    args: [...repositories, '--enable-waiting-runtime', ...args],
    supervised: true,
    ports: { grpcPort: await freePort() },
  });
  t.after(async () => void (await server.stop()));
  return server;
}

/** Processes whose parent this is. */
export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number);
}
