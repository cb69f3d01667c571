/** Workers of a model's own, spares, resizing, and models that end their workers: what is served, and what health says. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '../../client/client.js';
import type { GatewayError } from '../../gateway/core/error.js';
import type { Gateway } from '../../gateway/gateway.js';
import { commandOf } from '../../worker/waiting-faults.js';
import { scrape } from '../support/scrape.js';
import type { RunningGateway } from '../support/use-gateway.js';
import { inferDirectly, useWaiting } from '../support/waiting-server.js';

const QUICK = { costMs: { fixed: 2 }, maxBatchSize: 1 };

function ending(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'OK',
    ({ code, details }: GatewayError) => `${code} ${details.reason}`,
  );
}

async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await condition()); await sleep(20))
    assert.ok(Date.now() < end, `it never came: ${what}`);
}

/** What the health service says of a model, `''` for the server, and how `/readyz` answers. */
async function health(t: TestContext, { address, httpPort }: RunningGateway, model: string) {
  const client = createClient({ address });
  t.after(() => client.close());
  return {
    model: async () => (await client.health(model === '' ? '' : `sluice.model/${model}`)) === 'SERVING',
    server: async () => (await fetch(`http://127.0.0.1:${httpPort}/readyz`)).status === 200,
  };
}

const states = (gateway: Gateway): string[] =>
  gateway.pool.status().map(({ model, state }) => (model === '' ? state : `${model}: ${state}`));

test('D71 a model that ends every worker is quarantined: FAILED_PRECONDITION and NOT_SERVING for it, the others and the server serve on', async (t) => {
  const running = await useWaiting(t, { bad: QUICK, good: QUICK });
  const { gateway } = running;
  const of = await health(t, running, 'bad');
  assert.deepEqual([await of.model(), await of.server()], [true, true]);
  const seen = new Set<string>();
  for (let i = 0; i < 10 && !seen.has('FAILED_PRECONDITION quarantined'); i++) {
    const first = commandOf(i % 2 === 0 ? 'exit' : 'throw');
    // Another one each time: the same input would be refused without a run.
    seen.add(await ending(inferDirectly(gateway, 'bad', { first, second: i, deadlineMs: 20_000 })));
  }
  assert.deepEqual([...seen].sort(), ['FAILED_PRECONDITION quarantined', 'INTERNAL poison']);
  assert.equal(await ending(inferDirectly(gateway, 'bad')), 'FAILED_PRECONDITION quarantined');
  await until('all workers are back', () => states(gateway).every((state) => state === 'ready'));
  assert.equal(await of.model(), false);
  assert.equal(await of.server(), true);
  assert.equal(gateway.catalog.ready('bad', ''), false);
  const client = createClient({ address: running.address });
  t.after(() => client.close());
  const index = (await client.models()).map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(index, ['bad UNAVAILABLE', 'good READY']);
  assert.equal(await ending(inferDirectly(gateway, 'good')), 'OK');
  assert.equal(await scrape(running, 'sluice_model_versions_quarantined'), 1);
});

test('no worker left: neither the model nor the server is ready, until one is back; one worker fewer shows in the metrics', async (t) => {
  const running = await useWaiting(t, { wait: QUICK }, { workers: { count: 1 } });
  const { gateway } = running;
  const of = await health(t, running, 'wait');
  const readings: boolean[] = [];
  assert.equal(await scrape(running, 'sluice_workers_wanted'), 1);
  // It ends its worker twice; the second successor comes after a pause.
  const poison = ending(inferDirectly(gateway, 'wait', { first: commandOf('exit') }));
  await until('the worker is gone', () => {
    const ready = gateway.catalog.ready('wait', '');
    readings.push(gateway.readiness().ready);
    return !ready;
  });
  assert.equal(gateway.readiness().ready, false);
  assert.match(gateway.readiness().reason, /no worker/);
  assert.equal(await poison, 'INTERNAL poison');
  await until('it is back', () => of.model());
  assert.equal(await of.server(), true);
  assert.equal(await ending(inferDirectly(gateway, 'wait')), 'OK');
});

test('a model with workers of its own, which are processes: what ends them is nothing to the others, not even an abort', async (t) => {
  const { gateway } = await useWaiting(
    t,
    { apart: QUICK, shared: QUICK },
    { models: { apart: { workers: { count: 2 } } }, workers: { count: 1 } },
  );
  assert.deepEqual(states(gateway), ['ready', 'apart: ready', 'apart: ready']);
  const pids = gateway.pool.status().map(({ pid }) => pid);
  assert.equal(pids[0], undefined);
  assert.ok(pids[1] !== undefined && pids[2] !== undefined && pids[1] !== pids[2]);
  assert.equal(await ending(inferDirectly(gateway, 'apart')), 'OK');
  const poison = ending(inferDirectly(gateway, 'apart', { first: commandOf('abort'), deadlineMs: 20_000 }));
  for (let i = 0; i < 50; i++) assert.equal(await ending(inferDirectly(gateway, 'shared')), 'OK');
  assert.equal(await poison, 'INTERNAL poison');
  assert.equal(gateway.pool.status()[0]?.restarts, 0);
  await until('its workers are back', () => states(gateway).every((state) => state.endsWith('ready')));
  assert.equal(await ending(inferDirectly(gateway, 'apart')), 'OK');
  // Each pool holds its own models only.
  assert.deepEqual(
    gateway.pool.status().map(({ loaded }) => loaded),
    [1, 1, 1],
  );
});

test('a spare takes the place of a worker that ends, and its successor is the spare', async (t) => {
  const { gateway } = await useWaiting(t, { wait: QUICK }, { workers: { count: 1, spares: 1 } });
  assert.deepEqual(states(gateway), ['ready', 'standby']);
  const poison = ending(inferDirectly(gateway, 'wait', { first: commandOf('exit') }));
  assert.equal(await ending(inferDirectly(gateway, 'wait', { deadlineMs: 5000 })), 'OK');
  assert.equal(await poison, 'INTERNAL poison');
  await until('there is a spare again', () => states(gateway).includes('standby'));
  assert.equal(states(gateway).filter((state) => state === 'ready').length, 1);
});

test('the number of workers changes under load, and no request fails', async (t) => {
  const { gateway } = await useWaiting(t, { wait: { costMs: { fixed: 5 }, maxBatchSize: 4 } });
  let stop = false;
  const endings = new Map<string, number>();
  const lane = async (): Promise<void> => {
    while (!stop) {
      const code = await ending(inferDirectly(gateway, 'wait'));
      endings.set(code, (endings.get(code) ?? 0) + 1);
    }
  };
  const lanes = Array.from({ length: 12 }, lane);
  for (const workers of [4, 1, 3, 2]) {
    await gateway.resize(workers);
    assert.equal(gateway.pool.status().length, workers);
    await sleep(100);
  }
  stop = true;
  await Promise.all(lanes);
  assert.deepEqual([...endings.keys()], ['OK']);
  await assert.rejects(gateway.resize(2, 'wait'), { code: 'INVALID_ARGUMENT' });
});
