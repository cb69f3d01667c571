/** The load harness on servers whose capacity is known by arithmetic: models that wait. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { readReport } from '../../bench/report/read-report.js';
import { runLoad } from '../../bench/run-load.js';
import { encodeInfer, inferRequest, OIP_INFER } from '../../bench/targets/oip.js';
import { planFor, template } from '../support/load-plans.js';
import { runCli } from '../support/run-cli.js';
import { makeRepository, type RunningGateway, useGateway } from '../support/use-gateway.js';

/** A server that answers `workers / fixedMs` calls a millisecond and no more: each run takes one call. */
function serve(t: TestContext, workers: number, fixedMs: number): Promise<RunningGateway> {
  const spec = Buffer.from(JSON.stringify({ costMs: { fixed: fixedMs }, maxBatchSize: 1 }));
  return useGateway(t, {
    modelRepository: [makeRepository(t, { 'wait/1/model.wait.json': spec })],
    workers: { count: workers, enableWaitingRuntime: true },
  });
}

const data = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
const call = template({
  path: OIP_INFER,
  bodies: [encodeInfer(inferRequest('wait', '', [{ name: 'X', datatype: 'FP32', shape: [1, 4], data }]))],
});

test('some calls of a closed loop give the rate of the loop, with a warm-up as well as without', async (t) => {
  const { grpcPort } = await serve(t, 4, 100);
  const rate = async (warmupMs: number): Promise<number> => {
    const result = await runLoad(
      planFor(grpcPort, {
        templates: [call],
        // 60 of 64 wait: those of the warm-up are in front of all that count, which end more than a second late.
        arrivals: { kind: 'closed', concurrency: 64 },
        warmupMs,
        maxCalls: 40,
        durationMs: 30_000,
        drainMs: 10_000,
      }),
    );
    assert.deepEqual([result.counts.offered, result.counts.ok], [40, 40]);
    return (40 * 1000) / result.durationMs;
  };
  for (const warmupMs of [0, 400]) {
    const found = await rate(warmupMs);
    // Wide, for a machine that has much else to do; with the wait of the last calls it would be 15.
    assert.ok(found > 22 && found < 60, `${found} calls/s after ${warmupMs} ms, the server's 40 are wanted`);
  }
});

test('--find-max-rate finds what the server can do', async (t) => {
  const capacityPerS = (16 * 1000) / 200;
  const { address } = await serve(t, 16, 200);
  // Below capacity hardly a call waits; above it the queue grows with every call. Runs so long, and a median, because a machine
  // that has much else to do must not decide a step.
  const { code, stdout, stderr } = await runCli([
    ...['bench', 'wait', '--address', address, '--find-max-rate', '--p50', '250ms', '--rate', '45'],
    ...['--duration', '1500ms', '--warmup', '300ms', '--resolution', '0.2', '--json'],
  ]);
  const { search } = readReport(stdout);
  const told = `${stderr}${JSON.stringify(search)}`;
  assert.ok(code === 0 || search?.limitedByGenerator, told);
  const [found, failed] = [search?.maxRatePerS ?? 0, search?.failedRatePerS ?? 0];
  t.diagnostic(`${found}/s passed and ${failed}/s failed, true are ${capacityPerS}/s: ${search?.ended}`);
  assert.ok(found < 1.15 * capacityPerS, told);
  assert.ok(failed > found && failed < 1.6 * capacityPerS, told);
  // A machine that is busy with other things may void a step: then, and only then, may the rate be lower.
  assert.ok(found > 0.7 * capacityPerS || search?.limitedByGenerator, told);
});
