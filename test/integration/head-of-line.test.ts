/** Whoever is slow or large holds up himself, and not the others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadResult } from '../../bench/contract.js';
import { LatencyCounts } from '../../bench/latency-counts.js';
import { runLoad } from '../../bench/run-load.js';
import { encodeInfer, inferRequest, OIP_INFER } from '../../bench/targets/oip.js';
import { systemClock } from '../../gateway/core/clock.js';
import { planFor, template } from '../support/load-plans.js';
import { identityModel } from '../support/onnx-model.js';
import { makeRepository, useGateway } from '../support/use-gateway.js';
import { inferDirectly, useWaiting } from '../support/waiting-server.js';

const SLOW_MS = 400;

test('F97 a model of 400 ms a run with a backlog, beside a fast one: the fast one never waits for a run of the slow one', async (t) => {
  const { gateway } = await useWaiting(t, {
    slow: { costMs: { fixed: SLOW_MS }, maxBatchSize: 1 },
    fast: { costMs: { fixed: 4 } },
  });
  // Wanted lately, so that the slow one may not take the last worker.
  await inferDirectly(gateway, 'fast');
  const slow = Array.from({ length: 8 }, () => inferDirectly(gateway, 'slow'));
  const tookMs: number[] = [];
  const calls: Promise<unknown>[] = [];
  const startedAt = systemClock.now();
  while (systemClock.now() - startedAt < 2000) {
    const at = systemClock.now();
    calls.push(inferDirectly(gateway, 'fast').then(() => tookMs.push(systemClock.now() - at)));
    await sleep(10);
  }
  await Promise.all(calls);
  const busy = gateway.batcher.stats().entries;
  tookMs.sort((a, b) => a - b);
  const p99Ms = tookMs[Math.floor(0.99 * (tookMs.length - 1))] as number;
  t.diagnostic(
    `${tookMs.length} calls: p50 ${tookMs[tookMs.length >> 1]?.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`,
  );
  assert.ok(busy > 0, 'the slow one had a backlog all the time');
  assert.ok(p99Ms < SLOW_MS / 4, `p99 is ${p99Ms} ms`);
  await Promise.all(slow);
});

test('requests of 1 MiB among small ones: the p99 of the small ones, alone and mixed, is printed; three times is wanted, ten asserted', async (t) => {
  const { grpcPort } = await useGateway(t, {
    modelRepository: [makeRepository(t, { 'identity/1/model.onnx': identityModel('FP32', ['N', 'width']) })],
    workers: { count: 2 },
  });
  const call = (name: string, width: number, weight: number) => {
    const data = new Uint8Array(4 * width);
    const bodies = [
      encodeInfer(inferRequest('identity', '', [{ name: 'X', datatype: 'FP32', shape: [1, width], data }])),
    ];
    return template({ name, path: OIP_INFER, bodies, weight });
  };
  const measure = (weightOfLarge: number): Promise<LoadResult> =>
    runLoad(
      planFor(grpcPort, {
        templates: [
          call('small', 4, 1),
          ...(weightOfLarge > 0 ? [call('large', 262_144, weightOfLarge)] : []),
        ],
        arrivals: { kind: 'poisson', ratePerS: 200 * (1 + weightOfLarge) },
        warmupMs: 200,
        durationMs: 1200,
        tickMs: 1,
      }),
    );
  const quantiles = (result: LoadResult) => {
    const small = result.templates.find(({ name }) => name === 'small');
    assert.equal(small?.counts.ok, small?.counts.offered, JSON.stringify(result.counts));
    const counts = LatencyCounts.from((small as NonNullable<typeof small>).latency);
    return { p50: counts.quantile(0.5), p99: counts.quantile(0.99) };
  };
  const alone = quantiles(await measure(0));
  const mixed = quantiles(await measure(0.1));
  t.diagnostic(
    `small alone: p50 ${alone.p50.toFixed(2)} ms, p99 ${alone.p99.toFixed(2)} ms; with 20 of 1 MiB a second: p50 ${mixed.p50.toFixed(2)} ms, p99 ${mixed.p99.toFixed(2)} ms: ${(mixed.p99 / alone.p99).toFixed(1)} times`,
  );
  assert.ok(mixed.p99 < 10 * Math.max(alone.p99, 2), `p99 ${alone.p99} ms became ${mixed.p99} ms`);
});
