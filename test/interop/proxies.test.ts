/** Servers that leave, die and come back behind haproxy and nginx, which run with the files of deploy/. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counts, LoadResult } from '../../bench/contract.js';
import { runLoad } from '../../bench/run-load.js';
import { createClient, SluiceClientError } from '../../client/client.js';
import { planFor } from '../support/load-plans.js';
import { type ServerProcess, startServerProcess } from '../support/server-process.js';
import { makeRepository } from '../support/use-gateway.js';
import { waitingTemplate } from '../support/waiting-server.js';
import { freePorts, type ProxyProcess, useProxy } from './proxy.js';

const RATE_PER_S = 1000;
/** Longer than haproxy needs to see that a server is leaving: deploy/haproxy.cfg. */
const DRAIN_DELAY_MS = 1000;
const PROXIES = ['haproxy', 'nginx'] as const;

/** Three servers of one model that takes 5 ms and no CPU, by their places. They end with the test. */
class Fleet {
  readonly servers: (ServerProcess | undefined)[] = [];
  readonly #repository: string;
  readonly #ports: readonly number[];

  private constructor(repository: string, ports: readonly number[]) {
    this.#repository = repository;
    this.#ports = ports;
  }

  static async start(t: TestContext, size = 3): Promise<{ fleet: Fleet; ports: readonly number[] }> {
    const spec = { costMs: { fixed: 5 }, loadMs: 300, maxBatchSize: 32 };
    const repository = makeRepository(t, { 'wait/1/model.wait.json': Buffer.from(JSON.stringify(spec)) });
    const ports = await freePorts(3);
    const fleet = new Fleet(repository, ports);
    t.after(() => Promise.all(fleet.servers.map((server) => server?.stop())));
    for (let place = 0; place < size; place++) await fleet.startAt(place);
    return { fleet, ports };
  }

  async startAt(place: number): Promise<void> {
    this.servers[place] = await startServerProcess({
      args: [
        ...['--model-repository', this.#repository, '--enable-waiting-runtime', '--workers', '2'],
        ...['--drain-delay-ms', `${DRAIN_DELAY_MS}`, '--log-level', 'info'],
      ],
      ports: { grpcPort: this.#ports[place] as number },
    });
  }

  /** SIGTERM; resolves when it has ended, which it must in order. */
  async stopAt(place: number): Promise<void> {
    assert.deepEqual(await this.servers[place]?.stop(), { code: 0, signal: null });
  }
}

/** Load through a proxy for as long as `during` takes; the load must last longer. */
async function underLoad(
  proxy: ProxyProcess,
  durationMs: number,
  during: () => Promise<void>,
): Promise<LoadResult> {
  const plan = planFor(proxy.port, {
    templates: [waitingTemplate('wait')],
    arrivals: { kind: 'constant', ratePerS: RATE_PER_S },
    durationMs,
    connections: 4,
    deadlineMs: 5000,
    drainMs: 6000,
    tickMs: 2,
  });
  let over = false;
  const load = runLoad(plan).finally(() => {
    over = true;
  });
  await during();
  assert.ok(!over, 'the load had ended before the restarts had: it must last longer');
  return load;
}

function assertNoneFailed(t: TestContext, what: string, { counts, samples, latency }: LoadResult): void {
  const { offered, ok, ...others }: Counts = counts;
  t.diagnostic(
    `${what}: offered ${offered}, ok ${ok}, failed ${offered - ok}; slowest ${latency.maxMs.toFixed(0)} ms`,
  );
  assert.ok(offered >= 0.95 * RATE_PER_S, `only ${offered} calls`);
  assert.equal(offered - ok, 0, `${JSON.stringify(others)}\n${samples.join('\n')}`);
}

/** Until calls go through. */
async function settled(proxy: ProxyProcess): Promise<void> {
  const client = createClient({ address: `127.0.0.1:${proxy.port}`, maxAttempts: 1 });
  const end = performance.now() + 10_000;
  const row = { X: [[1, 2, 3, 4]] };
  while (
    !(await client
      .model('wait')
      .predict(row, { deadlineMs: 1000 })
      .catch(() => undefined))
  ) {
    assert.ok(performance.now() < end, proxy.output());
    await sleep(50);
  }
  client.close();
}

test('G100 a rolling restart of three servers behind haproxy, at 1000 requests/s of clients that never retry: none fails', async (t) => {
  const { fleet, ports } = await Fleet.start(t);
  const proxy = await useProxy(t, 'haproxy', ports);
  if (proxy === undefined) return;
  await settled(proxy);
  const result = await underLoad(proxy, 20_000, async () => {
    await sleep(1000);
    for (const place of [0, 1, 2]) {
      await fleet.stopAt(place);
      await fleet.startAt(place);
      // `rise` 2 at `downinter`: what a rollout waits between two servers.
      await sleep(1000);
    }
  });
  assertNoneFailed(t, 'haproxy, rolling restart', result);
});

test('G100 SIGTERM at full load behind nginx: none fails', async (t) => {
  const { fleet, ports } = await Fleet.start(t);
  const proxy = await useProxy(t, 'nginx', ports);
  if (proxy === undefined) return;
  await settled(proxy);
  const result = await underLoad(proxy, 8000, async () => {
    await sleep(1000);
    for (const place of [0, 1]) await fleet.stopAt(place);
  });
  assertNoneFailed(t, 'nginx, two servers drained', result);
});

for (const name of PROXIES)
  test(`G104 the only server behind ${name} is killed: callers hear UNAVAILABLE at once, not their own deadline`, async (t) => {
    const { fleet, ports } = await Fleet.start(t, 1);
    const proxy = await useProxy(t, name, ports);
    if (proxy === undefined) return;
    await settled(proxy);
    const client = createClient({ address: `127.0.0.1:${proxy.port}`, maxAttempts: 1 });
    t.after(() => client.close());
    const [server] = fleet.servers as [ServerProcess];
    process.kill(server.pid, 'SIGKILL');
    await server.ended;
    const waits: number[] = [];
    for (const pauseMs of [0, 0, 1000, 0]) {
      await sleep(pauseMs);
      const startedAt = performance.now();
      const call = client.model('wait').predict({ X: [[1, 2, 3, 4]] }, { deadlineMs: 20_000 });
      await assert.rejects(
        call,
        (error) => error instanceof SluiceClientError && error.code === 'UNAVAILABLE',
      );
      waits.push(Math.round(performance.now() - startedAt));
    }
    t.diagnostic(`UNAVAILABLE after ${waits.join(', ')} ms`);
    assert.ok(Math.max(...waits) < 8000, `after ${waits.join(', ')} ms`);
  });
