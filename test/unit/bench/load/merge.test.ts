import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LatencyData, LoadPlan } from '../../../../bench/contract.js';
import { LatencyCounts } from '../../../../bench/latency-counts.js';
import type { PartResult } from '../../../../bench/load/driver.js';
import { mergeParts, mergeProgress, voidReason } from '../../../../bench/load/merge.js';
import { plannedStarts } from '../../../../bench/load/planned-starts.js';

function latencies(...values: number[]): LatencyData {
  const counts = new LatencyCounts();
  for (const value of values) counts.record(value);
  return counts.toData();
}

const plan = (changes: Partial<LoadPlan> = {}): LoadPlan => ({
  target: { host: '127.0.0.1', port: 1 },
  templates: [
    { name: 'a', path: '/a', bodies: [new Uint8Array(1)], weight: 1, rows: 1 },
    { name: 'b', path: '/b', bodies: [new Uint8Array(1)], weight: 1, rows: 16 },
  ],
  arrivals: { kind: 'constant', ratePerS: 100 },
  warmupMs: 0,
  durationMs: 1500,
  connections: 1,
  streamsPerConnection: 1,
  metadata: [],
  processes: 2,
  seed: 1,
  drainMs: 0,
  ...changes,
});

const counts = (ok: number, refused: number, wrong = 0) => ({
  offered: ok + refused + wrong,
  ok,
  late: 0,
  refused,
  failed: 0,
  wrong,
  unanswered: 0,
  byStatus: { OK: ok + wrong, UNAVAILABLE: refused },
});

const part = (changes: Partial<PartResult> = {}): PartResult => ({
  templates: [
    { counts: counts(2, 1), latency: latencies(1, 2) },
    { counts: counts(1, 0), latency: latencies(4) },
  ],
  sliceMs: 1000,
  slices: [{ offered: 4, ok: 3, late: 0, refused: 1, failed: 0, latency: latencies(1, 2, 4) }],
  lateness: latencies(0.1),
  samples: ['a: x'],
  durationMs: 1500,
  busy: 0.3,
  ...changes,
});

test('parts of several processes add up to one result', () => {
  const other = part({
    templates: [
      { counts: counts(1, 0, 1), latency: latencies(8) },
      { counts: counts(0, 2), latency: latencies() },
    ],
    slices: [
      { offered: 1, ok: 1, late: 0, refused: 0, failed: 0, latency: latencies(8) },
      { offered: 3, ok: 0, late: 0, refused: 2, failed: 1, latency: latencies() },
    ],
    samples: ['a: x', 'b: y'],
    busy: 0.5,
  });
  const result = mergeParts(plan(), [part(), other]);
  const { offered, ok, refused, wrong, byStatus } = result.counts;
  assert.deepEqual([offered, ok, refused, wrong], [8, 4, 3, 1]);
  assert.deepEqual(byStatus, { OK: 5, UNAVAILABLE: 3 });
  assert.equal(result.rowsOk, 3 * 1 + 1 * 16);
  assert.equal(LatencyCounts.from(result.latency).count, 4);
  assert.equal(result.latency.maxMs, 8);
  assert.deepEqual(
    result.templates.map(({ name, counts: { ok: good } }) => [name, good]),
    [
      ['a', 3],
      ['b', 1],
    ],
  );
  assert.deepEqual(
    result.timeline.map(({ atMs, lengthMs, offered: all, ok: good, failed, p99Ms }) => [
      atMs,
      lengthMs,
      all,
      good,
      failed,
      p99Ms,
    ]),
    [
      [0, 1000, 5, 4, 0, 8],
      [1000, 500, 3, 0, 1, 0],
    ],
  );
  assert.deepEqual([result.busy, result.void], [0.5, undefined]);
  assert.deepEqual(result.samples, ['a: x', 'b: y']);
});

/** Of 100 values the last two, and so the 99th percentile, are `tail`. */
const mostly = (value: number, tail: number): LatencyData =>
  latencies(...new Array<number>(98).fill(value), tail, tail);

const VOID: readonly (readonly [
  sentence: string,
  run: Parameters<typeof voidReason>[0],
  why: RegExp | undefined,
])[] = [
  [
    'a quiet generator is trusted',
    { busy: 0.79, lateness: mostly(0.05, 0.5), latency: latencies(1) },
    undefined,
  ],
  ['one over 80% busy is not', { busy: 0.81, lateness: latencies(), latency: latencies(1) }, /81% busy/],
  [
    '1% of the calls over 1 ms late',
    { busy: 0, lateness: mostly(0, 1.2), latency: latencies(2) },
    /1% of its calls 1\.20 ms late or more, allowed are 1\.00 ms/,
  ],
  [
    'the same beside a 99th percentile of 20 ms is a detail, whatever the median',
    { busy: 0, lateness: mostly(0, 1.2), latency: mostly(1, 20) },
    undefined,
  ],
  [
    'a tenth of the 99th percentile is too much',
    { busy: 0, lateness: mostly(0, 2.5), latency: mostly(1, 20) },
    /1% of its calls 2\.50 ms late or more, allowed are 2\.00 ms/,
  ],
  [
    'half of the calls late by a third of what half of them take',
    { busy: 0, lateness: latencies(0.3), latency: mostly(0.9, 50) },
    /50% of its calls 0\.30 ms late or more, allowed are 0\.25 ms/,
  ],
  [
    'the same beside a median of 20 ms',
    { busy: 0, lateness: latencies(0.3), latency: latencies(20) },
    undefined,
  ],
  [
    'a single stall in a long run is let pass',
    { busy: 0, lateness: latencies(...new Array<number>(199).fill(0.01), 300), latency: latencies(1) },
    undefined,
  ],
  [
    'where nothing was answered OK, a late start is nothing beside a long deadline',
    { busy: 0, lateness: latencies(3), latency: latencies(), deadlineMs: 250 },
    undefined,
  ],
  [
    'and much beside a short one',
    { busy: 0, lateness: latencies(3), latency: latencies(), deadlineMs: 20 },
    /50% of its calls 3\.00 ms late or more, allowed are 2\.00 ms, a tenth of the deadline/,
  ],
  ['nothing happened', { busy: 0, lateness: latencies(), latency: latencies() }, undefined],
];

for (const [sentence, run, why] of VOID) {
  test(`void: ${sentence}`, () => {
    const reason = voidReason(run);
    if (why === undefined) assert.equal(reason, undefined);
    else assert.match(reason ?? 'none', why);
  });
}

test('progress is of the process that is furthest behind, and of all answers', () => {
  const one = {
    phase: 'measure',
    elapsedMs: 300,
    counts: { offered: 5, ok: 4, late: 0, refused: 1, failed: 0 },
    latency: latencies(1, 2, 3, 4),
    intervalMs: 250,
  } as const;
  const merged = mergeProgress([one, { ...one, phase: 'warmup', elapsedMs: 900, intervalMs: 500 }]);
  assert.deepEqual([merged.phase, merged.elapsedMs], ['warmup', 900]);
  assert.deepEqual(merged.counts, { offered: 10, ok: 8, late: 0, refused: 2, failed: 0 });
  assert.equal(merged.ratePerS, 4 / 0.25 + 4 / 0.5);
  assert.equal(merged.p99Ms, 4);
});

function schedule(changes: Partial<LoadPlan>, index = 0) {
  const given = plan({ processes: 1, ...changes });
  const starts = plannedStarts(
    given,
    { index, processes: given.processes },
    { startMs: 1000, fromMs: 1000 + given.warmupMs },
  );
  const all: number[] = [];
  for (let at = starts.next(); at < Number.POSITIVE_INFINITY; at = starts.next()) all.push(at);
  return { all, early: starts.endedEarlyMs() };
}

test('a schedule is the warm-up, then the measurement from its own start', () => {
  const { all, early } = schedule({ warmupMs: 35, durationMs: 20 });
  assert.deepEqual(all, [1000, 1010, 1020, 1030, 1035, 1045]);
  assert.equal(early, undefined);
});

test('warm-up calls are no part of maxCalls, and the measurement lasts until the first call too many', () => {
  const { all, early } = schedule({ warmupMs: 20, durationMs: 1000, maxCalls: 3 });
  assert.deepEqual(all, [1000, 1010, 1020, 1030, 1040]);
  assert.equal(early, 1050);
});

test('a trace that ends before the measurement ends it', () => {
  const { all, early } = schedule({ arrivals: { kind: 'trace', atMs: [0, 5, 40] } });
  assert.deepEqual(all, [1000, 1005, 1040]);
  assert.equal(early, 1040);
});

test('warm-up and measurement have different Poisson arrivals', () => {
  const { all } = schedule({ arrivals: { kind: 'poisson', ratePerS: 1000 }, warmupMs: 100, durationMs: 100 });
  const warm = all.filter((at) => at < 1100).map((at) => (at - 1000).toFixed(6));
  const measured = all.filter((at) => at >= 1100).map((at) => (at - 1100).toFixed(6));
  assert.notEqual(warm[0], measured[0]);
});
