import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadPlan, RunLoad } from '../../../bench/contract.js';
import type { RawFlags } from '../../../bench/flag-reader.js';
import { readOptions } from '../../../bench/options.js';
import { type BenchDependencies, runBench } from '../../../bench/run-bench.js';
import { LiveView } from '../../../cli/bench-live.js';
import { fakeResult, fakeServerOf } from '../../support/fake-load.js';

const TEMPLATE = { name: 'iris x1', path: '/p', bodies: [new Uint8Array(1)], weight: 1, rows: 1 };

/** Runs against a fake; also answers the plans it was given. */
async function bench(flags: RawFlags, deps: Partial<BenchDependencies> = {}) {
  const plans: LoadPlan[] = [];
  const runLoad: RunLoad = deps.runLoad ?? (async ({ arrivals }) => fakeResult({ arrivals }));
  const outcome = await runBench(readOptions('iris', flags), [TEMPLATE], {
    readText: async () => '0\n5\n7.5\n',
    now: () => new Date(0),
    ...deps,
    runLoad: (plan, options) => {
      plans.push(plan);
      return runLoad(plan, options);
    },
  });
  return { outcome, plans };
}

const closed = (plans: readonly LoadPlan[]): (number | undefined)[] =>
  plans.map(({ arrivals }) => (arrivals.kind === 'closed' ? arrivals.concurrency : undefined));

test('repetitions are interleaved, each with a seed of its own', async () => {
  const { plans, outcome } = await bench({ concurrency: '1,2', repeat: '3', seed: '10' });
  assert.deepEqual(closed(plans), [1, 2, 1, 2, 1, 2]);
  assert.deepEqual(
    plans.map(({ seed }) => seed),
    [10, 10, 11, 11, 12, 12],
  );
  assert.deepEqual(outcome.measurements.map(({ step, repetition }) => `${step}/${repetition}`).slice(1, 4), [
    'concurrency 2/0',
    'concurrency 1/1',
    'concurrency 2/1',
  ]);
});

test('two servers take turns, and who begins alternates', async () => {
  const { plans, outcome } = await bench({ repeat: '3', address: 'a:1', against: 'b:2' });
  assert.deepEqual(plans.map(({ target }) => target.host).join(''), 'abbaab');
  assert.deepEqual(outcome.measurements.map(({ side }) => side[0]).join(''), 'maamma');
});

test('a plan holds what the flags say', async () => {
  const { plans } = await bench({
    rate: '5',
    arrivals: 'constant',
    warmup: '0',
    duration: '3s',
    maxCalls: '9',
    deadline: '40ms',
    connections: '2',
    streams: '3',
    processes: '4',
    header: ['a:b'],
  });
  const { templates, ...plan } = plans[0] as LoadPlan;
  assert.deepEqual(templates, [TEMPLATE]);
  assert.deepEqual(plan, {
    target: { host: 'localhost', port: 8001 },
    arrivals: { kind: 'constant', ratePerS: 5 },
    warmupMs: 0,
    durationMs: 3000,
    maxCalls: 9,
    connections: 2,
    streamsPerConnection: 3,
    deadlineMs: 40,
    metadata: [['a', 'b']],
    processes: 4,
    seed: 1,
    drainMs: 1040,
  });
});

test('a trace is one measurement, as long as it is', async () => {
  const { plans } = await bench({ trace: 'calls.txt' });
  assert.deepEqual(
    plans.map(({ arrivals, durationMs }) => ({ arrivals, durationMs })),
    [{ arrivals: { kind: 'trace', atMs: [0, 5, 7.5] }, durationMs: 9 }],
  );
  const steps = await bench({ steps: '4x1s,8x1s', arrivals: 'constant' });
  assert.deepEqual(
    steps.plans.map(({ arrivals, durationMs }) => [
      arrivals.kind === 'trace' && arrivals.atMs.length,
      durationMs,
    ]),
    [[12, 2000]],
  );
});

test('a faulty trace is a usage error with its path', async () => {
  await assert.rejects(bench({ trace: 'x' }, { readText: async () => 'a\n' }), /--trace x: line 1 is "a"/);
  const gone = bench({ requestIntervals: 'x' }, { readText: () => Promise.reject(new Error('ENOENT')) });
  await assert.rejects(gone, /--request-intervals x: ENOENT/);
});

test('--find-max-rate with a tiny budget finds a capacity against a fake server', async () => {
  const flags = { findMaxRate: true, p99: '20ms', duration: '1s', maxSteps: '6', rate: '500' };
  const { outcome, plans } = await bench(flags, { runLoad: fakeServerOf(3000) });
  assert.equal(plans.length, 6);
  const { search } = outcome;
  assert.ok(
    search?.maxRatePerS && search.maxRatePerS <= 3000 && search.maxRatePerS > 2500,
    `${search?.maxRatePerS}`,
  );
  assert.deepEqual(
    plans.slice(0, 4).map(({ arrivals }) => 'ratePerS' in arrivals && arrivals.ratePerS),
    [500, 1000, 2000, 4000],
  );
});

test('what was measured before the end is kept, what was cut short is not', async () => {
  const stop = new AbortController();
  let left = 2;
  const runLoad: RunLoad = async () => {
    if (--left === 0) {
      stop.abort(new Error('interrupted'));
      throw stop.signal.reason;
    }
    return fakeResult();
  };
  const { outcome } = await bench({ concurrency: '1,2,3' }, { runLoad, signal: stop.signal });
  assert.equal(outcome.measurements.length, 1);
  assert.deepEqual(outcome.warnings, ['ended early: 2 of 3 measurements were not made']);
  await assert.rejects(
    bench({}, { runLoad: () => Promise.reject(new Error('Cannot reach x')) }),
    /Cannot reach x/,
  );
});

test('the server is watched from the end of the warm-up', async () => {
  const calls: string[] = [];
  const counts = { offered: 0, ok: 0, late: 0, refused: 0, failed: 0 };
  const runLoad: RunLoad = async (_plan, options) => {
    for (const phase of ['warmup', 'measure', 'measure', 'drain'] as const) {
      calls.push(phase);
      options?.onProgress?.({ phase, elapsedMs: 0, counts, ratePerS: 0, p50Ms: 0, p99Ms: 0 });
    }
    return fakeResult();
  };
  const watch = { begin: () => void calls.push('begin'), end: async () => ({ batchRows: 2 }) };
  const { outcome } = await bench({}, { runLoad, watch });
  assert.deepEqual(calls, ['begin', 'warmup', 'measure', 'begin', 'measure', 'drain']);
  assert.deepEqual(outcome.measurements[0]?.server, { batchRows: 2 });
});

const PROGRESS = {
  phase: 'measure' as const,
  elapsedMs: 2500,
  counts: { offered: 10, ok: 8, late: 1, refused: 1, failed: 0 },
  ratePerS: 1234,
  p50Ms: 1.5,
  p99Ms: 20,
};

test('on a terminal one line is redrawn, with a bar of the whole run', () => {
  let text = '';
  const write = (chunk: string): void => {
    text += chunk;
  };
  const live = new LiveView({ write, terminal: true, columns: 100, now: () => 0 });
  live.begin({ label: 'concurrency 8', index: 2, total: 4, warmupMs: 0, durationMs: 5000 });
  live.progress(PROGRESS);
  assert.equal(
    text,
    '\r\x1b[2K[########------------]  37% 2/4 concurrency 8: 3 s, 1234/s, p50 1.50 ms, p99 20.0 ms, 2 not answered in ti'.slice(
      0,
      104,
    ),
  );
  text = '';
  live.note('done');
  assert.equal(text, '\r\x1b[2Kdone\n');
});

test('elsewhere a line is printed every five seconds', () => {
  let text = '';
  let now = 0;
  const write = (chunk: string): void => {
    text += chunk;
  };
  const live = new LiveView({ write, terminal: false, columns: 80, now: () => now });
  live.begin({ label: 'x', index: 1, total: 1, warmupMs: 0, durationMs: 20_000 });
  for (now = 0; now <= 12_000; now += 1000) live.progress(PROGRESS);
  assert.equal(text.split('\n').length - 1, 2);
  assert.ok(!text.includes('\x1b') && !text.includes('\r'));
});
