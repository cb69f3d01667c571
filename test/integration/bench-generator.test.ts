/** The load generator against the real gateway, and what a run reports of itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Progress } from '../../bench/contract.js';
import { LatencyCounts } from '../../bench/latency-counts.js';
import { runLoad } from '../../bench/run-load.js';
import { startSink } from '../support/grpc-sink.js';
import { assertConsistent, irisTemplate, planFor, template } from '../support/load-plans.js';
import { EXAMPLES, useGateway } from '../support/use-gateway.js';

const iris = JSON.parse(readFileSync(join(EXAMPLES, 'iris/predictions.json'), 'utf8')) as {
  readonly rows: number[][];
  readonly '2': { readonly label: number[] };
};
const flowers = iris.rows.map((row, i) => ({ row, label: iris['2'].label[i] as number }));

test('iris, closed and open loop, every answer verified', async (t) => {
  const { grpcPort } = await useGateway(t, { modelRepository: [EXAMPLES] });
  const flower = irisTemplate(flowers);

  await t.test('a closed loop keeps its concurrency busy and gets right answers only', async () => {
    const result = await runLoad(
      planFor(grpcPort, {
        templates: [flower],
        connections: 2,
        streamsPerConnection: 4,
        warmupMs: 100,
        durationMs: 700,
      }),
    );
    assertConsistent(result);
    const { offered, ok } = result.counts;
    assert.ok(offered > 100, `${offered} calls`);
    assert.equal(ok, offered, JSON.stringify(result));
    assert.equal(result.rowsOk, ok);
    assert.ok(result.busy > 0);
    assert.equal(result.durationMs, 700);
  });

  await t.test('an open loop offers what was asked, in two processes too', async () => {
    const result = await runLoad(
      planFor(grpcPort, {
        templates: [flower, { ...flower, name: 'iris again', weight: 3 }],
        arrivals: { kind: 'constant', ratePerS: 200 },
        warmupMs: 100,
        durationMs: 1000,
        processes: 2,
      }),
    );
    assertConsistent(result);
    assert.deepEqual([result.counts.offered, result.counts.ok], [200, 200]);
    assert.equal(LatencyCounts.from(result.lateness).count, 200);
    const [once, thrice] = result.templates.map(({ counts }) => counts.offered) as [number, number];
    assert.equal(once + thrice, 200);
    assert.ok(thrice > 1.5 * once, `${once} and ${thrice}`);
  });

  await t.test('a wrong expectation is counted wrong, and shown', async () => {
    const mistaken = irisTemplate([{ row: iris.rows[0] as number[], label: 2 }]);
    const result = await runLoad(
      planFor(grpcPort, { templates: [mistaken], maxCalls: 50, durationMs: 5000 }),
    );
    assertConsistent(result);
    assert.deepEqual([result.counts.offered, result.counts.wrong, result.counts.ok], [50, 50, 0]);
    assert.deepEqual(result.counts.byStatus, { OK: 50 });
    assert.deepEqual(result.samples, ['iris x1: output "label": byte 0 is 0, wanted 2']);
    assert.ok(result.durationMs < 5000, 'ended by maxCalls');
  });

  await t.test('an error status is counted by its name, with its message', async () => {
    const result = await runLoad(
      planFor(grpcPort, {
        templates: [{ ...flower, path: '/inference.GRPCInferenceService/Nope' }],
        maxCalls: 20,
      }),
    );
    assertConsistent(result);
    assert.deepEqual(result.counts.byStatus, { UNIMPLEMENTED: 20 });
    assert.equal(result.counts.failed, 20);
    assert.match(result.samples[0] ?? '', /^iris x1: UNIMPLEMENTED: ./);
  });

  await t.test('a deadline that nobody can make is late, not failed', async () => {
    const result = await runLoad(planFor(grpcPort, { templates: [flower], maxCalls: 20, deadlineMs: 0.001 }));
    assertConsistent(result);
    assert.equal(result.counts.late, 20, JSON.stringify(result.counts));
  });

  await t.test('each template may have a deadline of its own, or none', async () => {
    const templates = [
      { ...flower, name: 'hopeless', deadlineMs: 0.001 },
      { ...flower, name: 'as the plan' },
      { ...flower, name: 'patient', deadlineMs: 60_000 },
    ];
    for (const deadlineMs of [undefined, 30_000]) {
      const plan = planFor(grpcPort, { templates, maxCalls: 60 });
      const result = await runLoad({ ...plan, ...(deadlineMs !== undefined && { deadlineMs }) });
      assertConsistent(result);
      const [hopeless, planned, patient] = result.templates.map(({ counts }) => counts);
      assert.ok((hopeless?.offered ?? 0) > 0 && (planned?.offered ?? 0) > 0 && (patient?.offered ?? 0) > 0);
      assert.equal(hopeless?.late, hopeless?.offered);
      assert.equal(planned?.ok, planned?.offered);
      assert.equal(patient?.ok, patient?.offered);
    }
  });
});

test('the same seed offers the same Poisson load', async (t) => {
  const { server, port } = await startSink();
  t.after(() => server.close());
  const offered = async (seed: number): Promise<number> => {
    const plan = planFor(port, { arrivals: { kind: 'poisson', ratePerS: 2000 }, durationMs: 500, seed });
    const result = await runLoad(plan);
    assertConsistent(result);
    return result.counts.offered;
  };
  const first = await offered(3);
  assert.equal(await offered(3), first);
  assert.ok(first > 800 && first < 1200, `${first}`);
});

test('a tiny request runs at thousands a second, through one connection and through fifty', async (t) => {
  const { server, port } = await startSink();
  t.after(() => server.close());
  for (const [connections, streamsPerConnection] of [
    [1, 100],
    [50, 1],
  ] as const) {
    const result = await runLoad(
      planFor(port, {
        arrivals: { kind: 'closed', concurrency: connections * streamsPerConnection },
        connections,
        streamsPerConnection,
        warmupMs: 100,
        durationMs: 400,
      }),
    );
    assertConsistent(result);
    assert.equal(result.counts.ok, result.counts.offered);
    assert.ok(result.counts.ok / 0.4 > 1000, `${result.counts.ok / 0.4} calls/s`);
  }
});

test('a host is found by its name', async (t) => {
  const { server, port } = await startSink();
  t.after(() => server.close());
  const result = await runLoad(planFor(port, { target: { host: 'localhost', port }, maxCalls: 10 }));
  assert.equal(result.counts.ok, 10);
});

test('a run says how it goes, a few times a second', async (t) => {
  const { server, port } = await startSink();
  t.after(() => server.close());
  const seen: Progress[] = [];
  await runLoad(planFor(port, { warmupMs: 600, durationMs: 900, processes: 2 }), {
    onProgress: (progress) => void seen.push(progress),
  });
  assert.ok(seen.length >= 2, `${seen.length}`);
  assert.equal(seen[0]?.phase, 'warmup');
  const last = seen.at(-1) as Progress;
  assert.equal(last.phase, 'measure');
  assert.ok(last.counts.ok > 0 && last.ratePerS > 0 && last.p50Ms > 0 && last.p99Ms >= last.p50Ms);
});

test('a target that is not there rejects the run, and says why', async (t) => {
  const { server, port } = await startSink();
  await new Promise((resolve) => server.close(resolve));
  await assert.rejects(
    runLoad(planFor(port)),
    new RegExp(`Cannot reach 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`),
  );
  t.diagnostic('no generator process is left: the leak guard looks');
});

test('an aborted run rejects with the signal’s reason and leaves no process', async (t) => {
  const { server, port } = await startSink();
  t.after(() => server.close());
  const reason = new Error('enough');
  const signal = AbortSignal.abort(reason);
  await assert.rejects(runLoad(planFor(port), { signal }), reason);
  const controller = new AbortController();
  const run = runLoad(planFor(port, { durationMs: 60_000, processes: 2 }), {
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  await assert.rejects(run, reason);
});

test('a plan that cannot be run is refused before anything starts', async () => {
  const cases: readonly (readonly [Parameters<typeof planFor>[1], RegExp])[] = [
    [{ templates: [] }, /without a template/],
    [{ templates: [template({ bodies: [] })] }, /"echo": it has no body/],
    [{ templates: [template({ weight: 0 })] }, /weight is 0/],
    [{ templates: [template({ expect: [] })] }, /1 bodies with 0 expected/],
    [{ processes: 0 }, /processes 0/],
    [{ arrivals: { kind: 'poisson', ratePerS: 0 } }, /0 calls\/s/],
    [{ arrivals: { kind: 'bursts', ratePerS: 1, onMs: 0, offMs: 1 } }, /bursts of 0 ms/],
  ];
  for (const [changes, message] of cases) await assert.rejects(runLoad(planFor(1, changes)), message);
});
