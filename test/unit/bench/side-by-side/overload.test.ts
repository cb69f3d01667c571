import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LoadResult } from '../../../../bench/contract.js';
import { LatencyCounts } from '../../../../bench/latency-counts.js';
import { verdict } from '../../../../bench/side-by-side/finding.js';
import { callCosts, ceilingShare } from '../../../../bench/side-by-side/overload/ceiling.js';
import {
  type Measurements,
  overloadFindings,
  overloadTable,
  peakOf,
} from '../../../../bench/side-by-side/overload/findings.js';
import {
  deadlinesMs,
  fullBatchMs,
  waitingCapacity,
  withDeadlines,
} from '../../../../bench/side-by-side/overload/load.js';
import { medianRow, type OverloadRow, overloadRow } from '../../../../bench/side-by-side/overload/row.js';
import { template } from '../../../support/load-plans.js';

test('the capacity of the waiting model of issue 6: 615 rows a second, in batches of 52 ms', () => {
  const model = { fixedMs: 20, perRowMs: 2, maxBatch: 16, workers: 2 };
  assert.equal(fullBatchMs(model), 52);
  assert.equal(Math.round(waitingCapacity(model)), 615);
});

test('equal deadlines are five batch times; mixed ones lie between 1.5 and 10, as many below the middle as above', () => {
  assert.deepEqual(deadlinesMs('equal', 52), [260]);
  const mixed = deadlinesMs('mixed', 10);
  assert.ok(mixed.length > 4);
  assert.ok(mixed.every((ms) => ms > 15 && ms < 100));
  const mean = mixed.reduce((sum, ms) => sum + ms, 0) / mixed.length;
  assert.ok(Math.abs(mean - 57.5) < 1e-9, String(mean));
  assert.deepEqual(
    withDeadlines(template({ name: 'a' }), [1, 2]).map(({ name, deadlineMs }) => [name, deadlineMs]),
    [
      ['a', 1],
      ['a', 2],
    ],
  );
});

function loadResult(counts: Partial<LoadResult['counts']>, latencies: readonly number[] = []): LoadResult {
  const seen = new LatencyCounts();
  for (const ms of latencies) seen.record(ms);
  const none = { offered: 0, ok: 0, late: 0, refused: 0, failed: 0, wrong: 0, unanswered: 0, byStatus: {} };
  return {
    arrivals: { kind: 'poisson', ratePerS: 1 },
    durationMs: 2000,
    counts: { ...none, ...counts },
    rowsOk: 0,
    latency: seen.toData(),
    templates: [],
    timeline: [],
    lateness: new LatencyCounts().toData(),
    busy: 0.25,
    samples: [],
  };
}

test('a row: rates over the measurement, CPU over warm-up and measurement, everything that is neither OK, late nor refused told', () => {
  const result = loadResult(
    {
      offered: 2000,
      ok: 1000,
      late: 400,
      refused: 500,
      failed: 60,
      wrong: 20,
      unanswered: 20,
      byStatus: { OK: 1000 },
    },
    [10, 20, 30],
  );
  const server = { ok: 1500, rowsRun: 1500, batches: 150, frontMs: 300 };
  const row = overloadRow({ factor: 2, result, server, rowsPerCall: 1, warmupMs: 1000 });
  const { offeredPerS, goodputPerS, latePerS, refusedPerS, otherPerS } = row;
  assert.deepEqual([offeredPerS, goodputPerS, latePerS, refusedPerS, otherPerS], [1000, 500, 200, 250, 50]);
  assert.deepEqual([row.batchRows, row.wasted, row.frontMsPerS, row.generatorMsPerS], [10, 0, 100, 250]);
  assert.ok(Math.abs(row.p50Ms - 20) < 0.1);
  assert.equal(row.void, undefined);
  const none = overloadRow({ factor: 2, result: loadResult({}), server, rowsPerCall: 1, warmupMs: 0 });
  assert.ok(Number.isNaN(none.p99Ms));
});

test('wasted: rows that ran for nobody by the server’s count, and answers that were late for the client only', () => {
  const wasted = (ok: number, answeredOk: number, serverOk: number, rowsRun: number): number =>
    overloadRow({
      factor: 2,
      result: loadResult({ offered: 100, ok, byStatus: { OK: answeredOk } }),
      server: { ok: serverOk, rowsRun, batches: 1, frontMs: 0 },
      rowsPerCall: 2,
      warmupMs: 0,
    }).wasted;
  // 50 calls of 2 rows answered, 125 rows run: 25 for nobody.
  assert.ok(Math.abs(wasted(50, 50, 50, 125) - 0.2) < 1e-9);
  // All were answered OK, half of them too late.
  assert.ok(Math.abs(wasted(25, 50, 50, 100) - 0.5) < 1e-9);
  assert.equal(wasted(0, 0, 0, 100), 1);
  assert.equal(wasted(0, 0, 0, 0), 0);
});

const row = (changes: Partial<OverloadRow>): OverloadRow => ({
  factor: 1,
  offeredPerS: 100,
  goodputPerS: 100,
  latePerS: 0,
  refusedPerS: 0,
  otherPerS: 0,
  p50Ms: 10,
  p99Ms: 20,
  p999Ms: 30,
  batchRows: 4,
  wasted: 0,
  frontMsPerS: 10,
  generatorMsPerS: 10,
  ...changes,
});

test('the median of rows is taken figure by figure, and one that is void makes it void', () => {
  const rows = [
    row({ goodputPerS: 1, p99Ms: 9 }),
    row({ goodputPerS: 3, p99Ms: 7 }),
    row({ goodputPerS: 2, p99Ms: 8 }),
  ];
  const { goodputPerS, p99Ms, factor, void: why } = medianRow(rows);
  assert.deepEqual([goodputPerS, p99Ms, factor, why], [2, 8, 1, undefined]);
  assert.equal(medianRow([row({}), row({ void: 'late' })]).void, 'late');
});

test('what a call costs that is turned away is told from the row with the most of them', () => {
  const calm = row({ offeredPerS: 100, goodputPerS: 100, frontMsPerS: 15, generatorMsPerS: 5 });
  // 100 answered at 0.2 ms, 900 turned away at 0.1.
  const crowded = row({
    factor: 10,
    offeredPerS: 1000,
    goodputPerS: 100,
    frontMsPerS: 70,
    generatorMsPerS: 40,
  });
  const costs = callCosts([crowded, calm, row({ void: 'late', offeredPerS: 1e6, goodputPerS: 0 })]);
  assert.ok(costs !== undefined);
  assert.ok(Math.abs(costs.okMs - 0.2) < 1e-9 && Math.abs(costs.turnedAwayMs - 0.1) < 1e-9);
  assert.equal(callCosts([calm, row({ offeredPerS: 100, goodputPerS: 90 })]), undefined);
  assert.equal(callCosts([]), undefined);
});

test('the ceiling: all cores answer at the peak; what turning away takes is missing beyond it', () => {
  const two = { cores: 2, peakPerS: 100 };
  const free = { okMs: 1, turnedAwayMs: 0 };
  assert.equal(ceilingShare(50, free, two), 0.5);
  assert.equal(ceilingShare(1000, free, two), 1);
  // 20 ms a call at the peak; with x answered of 1000 at 1 ms: 20 x + 1 (1000 - x) = 2000.
  const share = ceilingShare(1000, { okMs: 1, turnedAwayMs: 1 }, two);
  assert.ok(Math.abs(share - 1000 / 19 / 100) < 1e-9, String(share));
  assert.equal(ceilingShare(3000, { okMs: 1, turnedAwayMs: 1 }, two), 0);
  assert.equal(ceilingShare(200, { okMs: 1, turnedAwayMs: 30 }, two), 0);
});

const measured = (changes: Partial<Measurements>): Measurements => ({
  from: 'case',
  what: 'a model',
  kind: 'equal',
  capacityPerS: 100,
  serviceMs: 10,
  rounds: [],
  ...changes,
});
const BARS = { goodput: [[2, 0.9]], p99: [0.8, 3], wasted: 0.02 } as const;

test('bars: goodput against the best row of its own round, p99 against batch times, waste at the worst load', () => {
  const rounds = [
    [row({ factor: 0.8, p99Ms: 30 }), row({ factor: 2, goodputPerS: 91, wasted: 0.01 })],
    [row({ factor: 0.8, p99Ms: 30, goodputPerS: 50 }), row({ factor: 2, goodputPerS: 45.5, wasted: 0.03 })],
  ];
  const [goodput, p99, wasted] = overloadFindings(measured({ rounds }), BARS);
  assert.deepEqual(
    goodput?.rounds.map((value) => value.toFixed(2)),
    ['0.91', '0.91'],
  );
  assert.ok(goodput && verdict(goodput) === 'PASS');
  assert.deepEqual([p99?.value, p99?.bar?.limit], [30, 30]);
  assert.deepEqual(wasted?.rounds, [0.01, 0.03]);
});

test('a void row meets no bar and is no peak', () => {
  const rows = [
    row({ factor: 0.8 }),
    row({ factor: 2, goodputPerS: 500, void: 'late' }),
    row({ factor: 4, goodputPerS: 95 }),
  ];
  assert.equal(peakOf(rows), 100);
  const [goodput] = overloadFindings(measured({ rounds: [rows] }), BARS);
  assert.ok(goodput && verdict(goodput) === 'MISS');
});

test('the table has the ceiling only where cores are shared, and says which rows are void', () => {
  const rows = [row({}), row({ factor: 10, offeredPerS: 1000, goodputPerS: 50, void: 'late' })];
  const plain = overloadTable(measured({ rounds: [rows] }));
  assert.ok(!plain.columns.some(({ key }) => key === 'ceiling'));
  assert.deepEqual(
    plain.rows.map(({ note }) => note),
    [undefined, 'void'],
  );
  const crowded = rows.map(({ void: _, ...good }) => good);
  const shared = overloadTable(measured({ rounds: [crowded], sharedCores: 2 }));
  assert.ok(shared.columns.some(({ key }) => key === 'ceiling'));
  assert.deepEqual(
    shared.rows.map(({ ofPeak }) => ofPeak),
    [1, 0.5],
  );
});
