import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../../gateway/config/from-settings.js';
import { createGateway, type Gateway, type GatewayDependencies } from '../../gateway/gateway.js';

/** Top of the checkout: this file runs from `<root>/dist/test/support/`. */
export const REPOSITORY_ROOT = fileURLToPath(new URL('../../..', import.meta.url));
export const EXAMPLES = join(REPOSITORY_ROOT, 'examples');
export const FIXTURES = join(REPOSITORY_ROOT, 'test/fixtures');

export interface RunningGateway {
  readonly gateway: Gateway;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly metricsPort: number;
  readonly adminAddress: string;
  readonly address: string;
}

/** Settings of a gateway that shares the machine with others. */
export const FREE_PORTS = { grpc: { port: 0 }, http: { port: 0 }, metrics: { port: 0 }, admin: { port: 0 } };

/**
 * Starts a real gateway with real workers on free loopback ports, waits until its models have settled, and stops it
 * when the test ends. A gauge that is not back at zero by then fails the test: something was lost or left behind.
 */
export async function useGateway(
  t: TestContext,
  settings: Settings,
  dependencies: GatewayDependencies = {},
): Promise<RunningGateway> {
  const gateway = createGateway(
    {
      ...settings,
      grpc: { ...FREE_PORTS.grpc, ...settings.grpc },
      http: { ...FREE_PORTS.http, ...settings.http },
      metrics: { ...FREE_PORTS.metrics, ...settings.metrics },
      admin: { ...FREE_PORTS.admin, ...settings.admin },
      server: { exitTimeoutSecs: 10, ...settings.server },
    },
    dependencies,
  );
  t.after(async () => {
    await gateway.stop();
    const { entries, runningEntries, queuedRows, bytes, batches } = gateway.batcher.stats();
    assert.deepEqual(
      { entries, runningEntries, queuedRows, bytes, batches },
      { entries: 0, runningEntries: 0, queuedRows: 0, bytes: 0, batches: 0 },
    );
  });
  const { grpcPort, httpPort, metricsPort, adminPort } = await gateway.start();
  await gateway.settled();
  return {
    gateway,
    grpcPort: grpcPort as number,
    httpPort: httpPort as number,
    metricsPort: metricsPort as number,
    adminAddress: `127.0.0.1:${adminPort}`,
    address: `127.0.0.1:${grpcPort}`,
  };
}

/** Makes a temporary model repository: models copied from a folder, or written from bytes. Removed with the test. */
export function makeRepository(
  t: TestContext,
  models: Readonly<Record<string, string | Uint8Array>>,
): string {
  const root = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(models)) {
    if (typeof content === 'string') cpSync(content, join(root, path), { recursive: true });
    else {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), content);
    }
  }
  return root;
}
