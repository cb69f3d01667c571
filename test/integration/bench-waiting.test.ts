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
  const { grpcPort } = await serve(t, 4, 50);
  const rate = async (warmupMs: number): Promise<number> => {
    const result = await runLoad(
      planFor(grpcPort, {
        templates: [call],
        // Three of four wait: calls that were begun in the warm-up hold up the first ones that count.
        arrivals: { kind: 'closed', concurrency: 16 },
        warmupMs,
        maxCalls: 48,
        durationMs: 30_000,
      }),
    );
    assert.deepEqual([result.counts.offered, result.counts.ok], [48, 48]);
    return (48 * 1000) / result.durationMs;
  };
  for (const warmupMs of [0, 400]) {
    const found = await rate(warmupMs);
    assert.ok(found > 66 && found < 88, `${found} calls/s after ${warmupMs} ms, the server's 80 are wanted`);
  }
});

test('--find-max-rate finds what the server can do', async (t) => {
  const capacityPerS = (32 * 1000) / 40;
  const { address } = await serve(t, 32, 40);
  // Below capacity hardly a call waits; above it the queue grows with every call. A median, because a stall of a machine that
  // others use as well must not decide a step.
  const { code, stdout, stderr } = await runCli([
    ...['bench', 'wait', '--address', address, '--find-max-rate', '--p50', '60ms', '--rate', '300'],
    ...['--duration', '1s', '--warmup', '200ms', '--resolution', '0.2', '--json'],
  ]);
  const { search } = readReport(stdout);
  const told = `${stderr}${JSON.stringify(search)}`;
  assert.equal(code, 0, told);
  const [found, failed] = [search?.maxRatePerS ?? 0, search?.failedRatePerS ?? 0];
  t.diagnostic(`${found}/s passed and ${failed}/s failed, true are ${capacityPerS}/s: ${search?.ended}`);
  assert.ok(found > 0.6 * capacityPerS && found < 1.1 * capacityPerS, told);
  assert.ok(failed > found && failed < 1.6 * capacityPerS, told);
  assert.equal(search?.limitedByGenerator, false, told);
});
