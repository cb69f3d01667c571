/** `sluice bench` on a server that is not ours: MLServer, over its gRPC of the Open Inference Protocol. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readReport } from '../../bench/report/read-report.js';
import { runCli } from '../support/run-cli.js';
import { repositoryRoot } from '../support/server-process.js';
import { findTool } from './tools.js';

const START_TIMEOUT_MS = 60_000;

/** It cannot be told to take any free port. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Serves test/interop/mlserver until the test ends; returns its addresses. */
async function startMlserver(t: TestContext, mlserver: string): Promise<{ grpc: string; metrics: string }> {
  const [grpc, http, metrics] = [await freePort(), await freePort(), await freePort()];
  const child = spawn(mlserver, ['start', join(repositoryRoot, 'test/interop/mlserver')], {
    env: {
      ...process.env,
      PYTHONDONTWRITEBYTECODE: '1',
      MLSERVER_HOST: '127.0.0.1',
      MLSERVER_GRPC_PORT: String(grpc),
      MLSERVER_HTTP_PORT: String(http),
      MLSERVER_METRICS_PORT: String(metrics),
      MLSERVER_PARALLEL_WORKERS: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  t.after(async () => {
    child.kill('SIGKILL');
    await closed;
  });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    const fail = (): void => reject(new Error(`MLServer is not serving; its output:\n${output}`));
    const timer = setTimeout(fail, START_TIMEOUT_MS);
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        output += chunk;
        if (!output.includes('gRPC server running') || !output.includes("Loaded model 'twice'")) return;
        clearTimeout(timer);
        resolve();
      });
    child.once('error', reject);
    child.once('close', fail);
  });
  return { grpc: `127.0.0.1:${grpc}`, metrics: `http://127.0.0.1:${metrics}/metrics` };
}

test('sluice bench measures a live MLServer', async (t) => {
  const mlserver = findTool(t, 'mlserver');
  if (mlserver === undefined) return;
  const { grpc, metrics } = await startMlserver(t, mlserver);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-mlserver-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const bench = (...args: readonly string[]) =>
    runCli(['bench', 'twice', '--address', grpc, '--warmup', '200ms', '--json', ...args]);
  const write = (name: string, value: unknown): string => {
    writeFileSync(join(folder, name), JSON.stringify(value));
    return join(folder, name);
  };

  await t.test('its signature is asked for, and every answer is the one that was expected', async () => {
    const x = write('x.json', [
      [1, 2, 3, 4],
      [-0.5, 0, 8, 1e6],
    ]);
    const y = write('y.json', {
      y: [
        [2, 4, 6, 8],
        [-1, 0, 16, 2e6],
      ],
    });
    const args = ['--concurrency', '1,4', '--duration', '1s', '--data', x, '--expect', y];
    const { code, stdout, stderr } = await bench(...args);
    assert.equal(code, 0, stderr);
    const report = readReport(stdout);
    assert.match(report.server ?? '', /^mlserver /);
    for (const { step, figures, result } of report.measurements) {
      t.diagnostic(`${step}: ${figures.okPerS.toFixed(0)} calls/s`);
      assert.ok(result.counts.ok > 20, JSON.stringify(result.counts));
      assert.equal(result.counts.ok, result.counts.offered, result.samples.join('; '));
    }
  });

  await t.test('a wrong answer is seen', async () => {
    const data = write('x1.json', [[1, 2, 3, 4]]);
    const wrong = write('y1.json', { y: [[2, 4, 6, 9]] });
    const { code, stderr } = await bench(
      '--max-calls',
      '5',
      '--data',
      data,
      '--expect',
      wrong,
      '--assert',
      'wrong=0',
    );
    assert.equal(code, 1, stderr);
    assert.match(stderr, /wrong is 100%/);
  });

  await t.test('an open loop, batches of its own, and a page of metrics without the figures', async () => {
    const args = [
      '--rate',
      '50',
      '--rows',
      '3',
      '--duration',
      '1s',
      '--expect',
      'first',
      '--metrics-url',
      metrics,
    ];
    const { code, stdout, stderr } = await bench(...args);
    assert.equal(code, 0, stderr);
    const [one] = readReport(stdout).measurements;
    assert.ok((one?.result.counts.ok as number) > 20);
    assert.equal(one?.result.counts.ok, one?.result.counts.offered, one?.result.samples.join('; '));
    assert.equal(one?.result.rowsOk, 3 * (one?.result.counts.ok ?? 0));
  });

  await t.test('a model that it does not have is refused by name', async () => {
    const { code, stderr } = await runCli(['bench', 'nope', '--address', grpc]);
    assert.equal(code, 1);
    assert.match(stderr, /nope/);
  });
});
