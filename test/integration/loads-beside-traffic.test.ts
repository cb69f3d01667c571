/** What loads cost: memory, and the latency of the other models. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { createClient } from '../../client/client.js';
import { ask, inferenceClient } from '../support/grpc-services.js';
import { putFile, until } from '../support/model-changes.js';
import { addModel } from '../support/onnx-model.js';
import { startServerProcess } from '../support/server-process.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';

const SWAPS = Number(process.env['SLUICE_TEST_SWAPS'] ?? 60);
/** Loads of one stretch of traffic; as much time passes without one before. */
const LOADS = 5;

interface Caller {
  /** Latencies of the calls that ended since the last look, in milliseconds. */
  take(): number[];
  readonly failures: readonly string[];
}

/** A heap grows with the first thousands of calls, loads or none: they come first. */
const WARM_UP_MS = 2500;
/** Far below what the server can do: how long a call takes is asked, not how many there are. */
const PAUSE_MS = 5;
const LANES = 2;
/** Of a version on one worker: far more than a call takes on a busy machine. */
const WARM_MS = 400;

/** Calls a model: as fast as answers come at first, then at leisure. */
function callSteadily(t: TestContext, address: string, model: string): Caller {
  const client = createClient({ address });
  let latencies: number[] = [];
  const failures: string[] = [];
  let running = true;
  const leisureAt = performance.now() + WARM_UP_MS;
  const lane = async (): Promise<void> => {
    while (running) {
      const begun = performance.now();
      await client
        .model(model)
        .predict({ X: [[1, 2, 3, 4]] }, { deadlineMs: 10_000 })
        .catch((error: Error) => failures.push(error.message));
      latencies.push(performance.now() - begun);
      if (begun > leisureAt) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  };
  const lanes = Array.from({ length: LANES }, lane);
  t.after(async () => {
    running = false;
    await Promise.all(lanes);
    client.close();
  });
  const take = (): number[] => {
    const taken = latencies;
    latencies = [];
    return taken;
  };
  return { take, failures };
}

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(q * sorted.length) - 1] as number;
}

const p99 = (values: readonly number[]): number => quantile(values, 0.99);

function residentMib(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

test(`${SWAPS} loads one after the other leave memory what it was after the tenth; how long calls of another model take is told`, async (t) => {
  const repository = makeRepository(t, {
    'add/1/model.onnx': addModel(1),
    'other/1/model.onnx': addModel(9),
  });
  const explicit = ['--model-control-mode', 'explicit', '--load-model', 'add', '--load-model', 'other'];
  const server = await startServerProcess({ args: ['--model-repository', repository, ...explicit] });
  t.after(() => server.stop());
  const admin = inferenceClient(server.adminPort);
  t.after(() => admin.close());
  const caller = callSteadily(t, `localhost:${server.grpcPort}`, 'other');
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const calm: number[] = [];
  const loading: number[] = [];
  const resident: number[] = [];
  for (let swap = 1; swap <= SWAPS; swap += LOADS) {
    caller.take();
    const begun = performance.now();
    for (let load = 0; load < LOADS; load++) {
      putFile(repository, join('add', '1', 'model.onnx'), addModel(swap + load + 1));
      await ask(admin, 'RepositoryModelLoad', { model_name: 'add' });
    }
    loading.push(...caller.take());
    resident.push(residentMib(server.pid));
    await new Promise((resolve) => setTimeout(resolve, performance.now() - begun));
    calm.push(...caller.take());
  }
  assert.deepEqual(caller.failures, []);
  const [, tenth = 0] = resident;
  const last = resident.at(-1) as number;
  t.diagnostic(`p99 ${p99(calm).toFixed(2)} ms, during loads ${p99(loading).toFixed(2)} ms`);
  t.diagnostic(`resident after 10 loads ${tenth.toFixed(1)} MiB, after ${SWAPS} ${last.toFixed(1)} MiB`);
  assert.ok(last <= 1.1 * tenth, `${tenth} MiB after 10 loads, ${last} after ${SWAPS}`);
});

test('while a version warms up for long, worker after worker, the others answer calls of another model', async (t) => {
  const slow = Buffer.from(JSON.stringify({ costMs: { fixed: 1 }, warmUpMs: WARM_MS }));
  const repository = makeRepository(t, { 'other/1/model.onnx': addModel(9) });
  const workers = { count: 2, enableWaitingRuntime: true };
  const { gateway, address } = await useGateway(
    t,
    { modelRepository: [repository], workers },
    { watch: { pollMs: 40, confirmMs: 20 } },
  );
  const caller = callSteadily(t, address, 'other');
  await new Promise((resolve) => setTimeout(resolve, 500));
  caller.take();
  putFile(repository, 'slow/1/model.wait.json', slow);
  const begun = performance.now();
  await until(
    () => gateway.catalog.available('slow').length === 1,
    () => 'slow is not served',
  );
  const tookMs = performance.now() - begun;
  const latencies = caller.take();
  assert.deepEqual(caller.failures, []);
  assert.ok(tookMs > 2 * WARM_MS, `the load took ${tookMs} ms: one worker after the other`);
  assert.ok(latencies.length > 20, `${latencies.length} calls`);
  assert.ok(p99(latencies) < WARM_MS / 2, `p99 ${p99(latencies)} ms beside a warm-up of ${WARM_MS} ms`);
});
