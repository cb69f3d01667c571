/** haproxy and nginx in front of servers, with the files of deploy/. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../support/server-process.js';
import { findTool } from './tools.js';

const DEPLOY = join(repositoryRoot, 'deploy');
/** The servers' ports in deploy/. */
const PORTS = [8001, 8011, 8021];

export interface ProxyProcess {
  readonly port: number;
  /** What it has written so far. */
  output(): string;
}

/** Free ports, all different. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, 'listening');
    ports.push((server.address() as { port: number }).port);
  }
  for (const server of servers) {
    server.close();
    await once(server, 'close');
  }
  return ports;
}

/** Starts a proxy for these ports of three servers; it ends with the test. Undefined after it has skipped the test. */
export async function useProxy(
  t: TestContext,
  name: 'haproxy' | 'nginx',
  servers: readonly number[],
): Promise<ProxyProcess | undefined> {
  const tool = findTool(t, name);
  if (tool === undefined) return undefined;
  const [port] = (await freePorts(1)) as [number];
  const folder = mkdtempSync(join(tmpdir(), 'sluice-proxy-'));
  const { args, env } = name === 'haproxy' ? haproxy(port, servers) : nginx(folder, port, servers);
  const child = spawn(tool, args, {
    env: { PATH: '/usr/bin:/bin', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  const ended = once(child, 'close');
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true });
  });
  while (!(await canConnect(port))) {
    assert.equal(child.exitCode, null, text);
    await sleep(20);
  }
  return { port, output: () => text };
}

function haproxy(port: number, servers: readonly number[]) {
  const addresses = servers.map((server, i) => [`SLUICE_${i + 1}`, `127.0.0.1:${server}`]);
  const env = { FRONT: `127.0.0.1:${port}`, ...Object.fromEntries(addresses) } as Record<string, string>;
  return { args: ['-db', '-f', join(DEPLOY, 'haproxy.cfg')], env };
}

function nginx(folder: string, port: number, servers: readonly number[]) {
  let text = readFileSync(join(DEPLOY, 'nginx.conf'), 'utf8');
  for (const [from, to] of [[8080, port], ...PORTS.map((at, i) => [at, servers[i]])] as [number, number][]) {
    assert.ok(text.includes(`127.0.0.1:${from}`), `deploy/nginx.conf does not name port ${from}`);
    text = text.replaceAll(`127.0.0.1:${from}`, `127.0.0.1:@${to}`);
  }
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, text.replaceAll(':@', ':'));
  const globals = `daemon off; pid ${join(folder, 'nginx.pid')};`;
  return { args: ['-p', folder, '-e', 'stderr', '-c', file, '-g', globals], env: {} };
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1').on('error', () => {});
  await once(socket, 'connect').catch(() => {});
  const connected = socket.readyState === 'open';
  socket.destroy();
  return connected;
}
