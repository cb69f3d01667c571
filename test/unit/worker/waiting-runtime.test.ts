import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { prepareModel } from '../../../worker/prepare-model.js';
import { commandOf } from '../../../worker/waiting-faults.js';
import { WaitingSession } from '../../../worker/waiting-runtime.js';

function file(t: TestContext, spec: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'model.wait.json');
  writeFileSync(path, JSON.stringify(spec));
  return path;
}

function rows(...firsts: number[]) {
  const values = Float32Array.from(firsts.flatMap((first) => [first, 2, 3, 4]));
  const data = new Uint8Array(values.buffer);
  return { name: 'X', datatype: 'FP32', shape: [firsts.length, 4], data };
}

test('a run echoes its input and takes fixed + perRow * rows, by the clock but not by the CPU', async (t) => {
  const session = await WaitingSession.create(file(t, { costMs: { fixed: 20, perRow: 5 } }));
  const cpu = process.cpuUsage();
  const { outputs, startedAt, endedAt } = await session.run([rows(1, 2, 3, 4)], ['Y']);
  const { user, system } = process.cpuUsage(cpu);
  assert.ok(endedAt - startedAt >= 39 && endedAt - startedAt < 400, `${endedAt - startedAt} ms`);
  assert.ok((user + system) / 1000 < 30, `${(user + system) / 1000} ms of CPU`);
  assert.deepEqual(outputs, [{ ...rows(1, 2, 3, 4), name: 'Y' }]);
});

test('a command in the first element of any row fails the run; anywhere else it is a number', async (t) => {
  const session = await WaitingSession.create(file(t, {}));
  await assert.rejects(session.run([rows(0, 0, commandOf('reject'))], ['Y']), /told to refuse/);
  const input = rows(0);
  new Float32Array(input.data.buffer)[1] = commandOf('reject');
  await session.run([input], ['Y']);
});

test('faults by chance happen to runs or to loads, as told', async (t) => {
  const always = { kind: 'reject', probability: 1 };
  const onRun = await WaitingSession.create(file(t, { faults: [always] }));
  await assert.rejects(onRun.run([rows(0)], ['Y']), /told to refuse/);
  await assert.rejects(WaitingSession.create(file(t, { faults: [{ ...always, when: 'load' }] })), /refuse/);
});

test('its manifest is known without a run: latency from the costs, batches from file and configuration', async (t) => {
  const modelPath = file(t, { costMs: { fixed: 5, perRow: 2 }, maxBatchSize: 4 });
  const request = { model: 'm', version: 1, modelPath, outputDir: '/nowhere', defaultMaxBatchSize: 32 };
  const manifest = await prepareModel({ ...request, intraOpThreads: 1 });
  assert.equal(manifest.signature.maxBatchSize, 4);
  assert.equal(manifest.preparedPath, modelPath);
  assert.deepEqual(manifest.latency, [
    { rows: 1, ms: 7 },
    { rows: 2, ms: 9 },
    { rows: 4, ms: 13 },
  ]);
  const unbatched = await prepareModel({ ...request, maxBatchSize: 0, intraOpThreads: 1 });
  assert.equal(unbatched.signature.batchable, false);
});

test('a file that cannot be understood fails to load, by name', async (t) => {
  const modelPath = file(t, { costs: 1 });
  const request = { model: 'm', version: 1, modelPath, outputDir: '/nowhere', defaultMaxBatchSize: 32 };
  await assert.rejects(prepareModel({ ...request, intraOpThreads: 1 }), /failed to load model 'm'.*'costs'/);
});
