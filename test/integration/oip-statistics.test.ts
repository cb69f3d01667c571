/** ModelStatistics and LogSettings on a real server. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Settings } from '../../gateway/config/from-settings.js';
import type { GatewayDependencies } from '../../gateway/gateway.js';
import { createLogger } from '../../gateway/telemetry/logger.js';
import { ask, type Client, type Plain, service } from '../support/grpc-services.js';
import { EXAMPLES, FIXTURES, useGateway } from '../support/use-gateway.js';

async function serve(t: TestContext, settings: Settings, dependencies: GatewayDependencies = {}) {
  const running = await useGateway(t, settings, dependencies);
  const client: Client = service('inference.GRPCInferenceService', running.grpcPort);
  t.after(() => client.close());
  const statistics = async (request: Plain): Promise<Plain[]> =>
    (await ask(client, 'ModelStatistics', request))['model_stats'] as Plain[];
  const infer = (rows: number, model = 'iris'): Promise<Plain> =>
    ask(client, 'ModelInfer', {
      model_name: model,
      inputs: [
        {
          name: 'X',
          datatype: 'FP32',
          shape: [rows, 4],
          contents: { fp32_contents: Array(rows * 4).fill(1) },
        },
      ],
    });
  return { ...running, client, statistics, infer };
}

const names = (stats: readonly Plain[]): string[] => stats.map(({ name, version }) => `${name}/${version}`);

function figures(stats: Plain | undefined): Record<string, { count: number; ns: number }> {
  return Object.fromEntries(
    Object.entries(stats?.['inference_stats'] as Record<string, { count: string; ns: string }>).map(
      ([key, { count, ns }]) => [key, { count: Number(count), ns: Number(ns) }],
    ),
  );
}

test('ModelStatistics counts as Triton does: rows, runs, requests by phase, and runs by batch size', async (t) => {
  const { statistics, infer, gateway } = await serve(t, { modelRepository: [EXAMPLES] });
  const before = Date.now();
  gateway.batcher.hold();
  const together = [infer(3), infer(1), infer(1)];
  while (gateway.batcher.stats().entries < 3) await new Promise((resolve) => setImmediate(resolve));
  gateway.batcher.release();
  await Promise.all(together);
  await infer(2);
  // Known model, refused: a failure of its version.
  await assert.rejects(infer(0));
  await assert.rejects(infer(1, 'nobody'));
  const [iris, ...others] = await statistics({ name: 'iris' });
  assert.deepEqual(others, []);
  assert.deepEqual([iris?.['name'], iris?.['version']], ['iris', '2']);
  assert.deepEqual([iris?.['inference_count'], iris?.['execution_count']], ['7', '2']);
  assert.ok(Number(iris?.['last_inference']) >= before && Number(iris?.['last_inference']) <= Date.now());
  const { success, fail, queue, compute_input, compute_infer, compute_output, ...cache } = figures(iris);
  for (const each of [success, queue, compute_input, compute_infer, compute_output])
    assert.equal(each?.count, 4);
  assert.equal(fail?.count, 1);
  const nanos = (of: { ns: number } | undefined): number => of?.ns ?? Number.NaN;
  assert.ok(nanos(compute_infer) > 0);
  assert.ok(nanos(success) >= nanos(queue) + nanos(compute_infer));
  assert.deepEqual(cache, { cache_hit: { count: 0, ns: 0 }, cache_miss: { count: 0, ns: 0 } });
  const batches = iris?.['batch_stats'] as Plain[];
  assert.deepEqual(
    batches.map(({ batch_size, compute_infer: run }) => [batch_size, (run as Plain)['count']]),
    [
      ['2', '1'],
      ['5', '1'],
    ],
  );
});

test('ModelStatistics: one entry for each version asked, unknown ones are NOT_FOUND as in ModelInfer', async (t) => {
  const { statistics } = await serve(t, {
    modelRepository: [EXAMPLES, FIXTURES],
    models: { iris: { versionPolicy: 'all' } },
  });
  assert.deepEqual(names(await statistics({})), ['iris/1', 'iris/2', 'iris-zipmap/1', 'iris-zipmap-names/1']);
  assert.deepEqual(names(await statistics({ name: 'iris' })), ['iris/1', 'iris/2']);
  assert.deepEqual(names(await statistics({ name: 'iris', version: '1' })), ['iris/1']);
  await assert.rejects(statistics({ name: 'nobody' }), { code: 5, details: /Request for unknown model/ });
  await assert.rejects(statistics({ name: 'iris', version: '9' }), { code: 5 });
  await assert.rejects(statistics({ name: 'iris', version: 'x' }), {
    code: 3,
    details: /failed to get model version from specified version string 'x'/,
  });
});

test('LogSettings switches the lines of a running server, where that is allowed, and the change is logged', async (t) => {
  const lines: string[] = [];
  const sink = { write: (line: string) => void lines.push(line), dropped: () => 0, close: async () => {} };
  const { logger, switches } = createLogger({ sink, format: 'json' });
  const { client, infer } = await serve(
    t,
    { modelRepository: [EXAMPLES], server: { allowRuntimeSettings: true } },
    { logger, logSwitches: switches },
  );
  const answer = await ask(client, 'LogSettings', {
    settings: { log_verbose_level: { uint32_param: 1 }, log_info: { bool_param: false } },
  });
  const { log_verbose_level, log_info } = answer['settings'] as Record<string, Plain>;
  assert.deepEqual([log_verbose_level?.['uint32_param'], log_info?.['bool_param']], [1, false]);
  assert.ok(lines.some((line) => line.includes('log settings are changed by a call')));
  const failures = (): number => lines.filter((line) => line.includes('a call failed')).length;
  await assert.rejects(infer(0));
  assert.equal(failures(), 0);
  await ask(client, 'LogSettings', { settings: { log_info: { bool_param: true } } });
  await assert.rejects(infer(0));
  assert.equal(failures(), 1);
  const silent = { bool_param: false };
  await ask(client, 'LogSettings', {
    settings: {
      log_verbose_level: { uint32_param: 0 },
      log_info: silent,
      log_warning: silent,
      log_error: silent,
    },
  });
  const count = lines.length;
  await assert.rejects(infer(0));
  assert.equal(lines.length, count);
});
