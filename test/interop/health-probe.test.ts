import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertOrderly, findTool, runTool, serveForInterop, startForInterop } from './tools.js';

/** Exit codes of grpc-health-probe. */
const HEALTHY = 0;
const CALL_FAILED = 3;
const UNHEALTHY = 4;

const CASES = [
  { service: '', code: HEALTHY, why: 'the server serves' },
  { service: 'inference.GRPCInferenceService', code: HEALTHY, why: 'a service goes with the server' },
  { service: 'sluice.model/iris', code: HEALTHY, why: 'a loaded model serves' },
  { service: 'sluice.model/broken', code: UNHEALTHY, why: 'a model that failed to load is NOT_SERVING' },
  { service: 'sluice.model/no-such-model', code: CALL_FAILED, why: 'G98 an unknown name is NOT_FOUND' },
];

test('grpc-health-probe', async (t) => {
  const probe = findTool(t, 'grpc-health-probe');
  if (probe === undefined) return;
  const repository = await mkdtemp(join(tmpdir(), 'sluice-interop-'));
  t.after(() => rm(repository, { recursive: true }));
  await mkdir(join(repository, 'broken/1'), { recursive: true });
  await writeFile(join(repository, 'broken/1/model.onnx'), 'this is no model');
  const address = await serveForInterop(t, ['--model-repository', repository]);

  for (const { service, code, why } of CASES) {
    await t.test(`'${service}': ${why}`, async () => {
      const result = await runTool(probe, [`-addr=${address}`, `-service=${service}`, '-rpc-timeout=10s']);
      assert.equal(result.code, code, `${result.stdout}${result.stderr}`);
    });
  }
});

test('grpc-health-probe sees a draining server as NOT_SERVING before it goes', async (t) => {
  const probe = findTool(t, 'grpc-health-probe');
  if (probe === undefined) return;
  const server = await startForInterop(['--drain-delay-ms', '5000']);
  const ask = (service: string) =>
    runTool(probe, [`-addr=127.0.0.1:${server.grpcPort}`, `-service=${service}`, '-rpc-timeout=4s']);
  assert.equal((await ask('')).code, HEALTHY);

  const stopped = server.stop();
  // The signal takes a moment to arrive.
  let seen = HEALTHY;
  for (let i = 0; i < 50 && seen === HEALTHY; i++) seen = (await ask('')).code;
  const model = await ask('sluice.model/iris');
  assertOrderly(await stopped, server);
  assert.equal(seen, UNHEALTHY, 'the server');
  assert.equal(model.code, UNHEALTHY, 'its model');
});
