import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCpuList } from '../../../../bench/side-by-side/cores.js';
import {
  busiestMs,
  residentBytes,
  threadTimes,
  ticksMs,
  totalMs,
  usedMs,
} from '../../../../bench/side-by-side/cpu.js';
import { finding, verdict } from '../../../../bench/side-by-side/finding.js';
import { SIDE_BY_SIDE_PAGE } from '../../../../bench/side-by-side/pages.js';
import { markdownReport, textReport } from '../../../../bench/side-by-side/report.js';
import { fitLine, median } from '../../../../bench/side-by-side/statistics.js';

test('median: the middle one, or the mean of two; the argument stays as it is', () => {
  const values = [3, 1, 2];
  assert.equal(median(values), 2);
  assert.deepEqual(values, [3, 1, 2]);
  assert.equal(median([4, 1, 2, 3]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test('a line through points: exact where they lie on one, R2 below 1 where they bend', () => {
  const exact = fitLine([
    [0, 1],
    [1, 3],
    [2, 5],
  ]);
  assert.deepEqual(exact, { intercept: 1, slope: 2, r2: 1 });
  const bent = fitLine([0, 1, 2, 3, 4].map((x): [number, number] => [x, x ** 3]));
  assert.ok(bent.r2 > 0.8 && bent.r2 < 0.9, String(bent.r2));
  assert.equal(
    fitLine([
      [0, 2],
      [1, 2],
    ]).r2,
    1,
  );
});

test('CPU times: read by thread, subtracted by thread, a new thread counts whole', () => {
  const used = usedMs(
    new Map([
      [1, 10],
      [2, 5],
    ]),
    new Map([
      [1, 15],
      [2, 5],
      [3, 7],
      [4, 1],
    ]),
  );
  assert.deepEqual(
    [...used],
    [
      [1, 5],
      [2, 0],
      [3, 7],
      [4, 1],
    ],
  );
  assert.equal(totalMs(used), 13);
  assert.equal(busiestMs(used, 1, 1), 7);
  assert.equal(busiestMs(used, 1, 9), 8);
});

test('a stat line is read behind the name, whatever that holds', () => {
  const line = `42 (a ) b) S ${Array.from({ length: 40 }, (_, i) => i + 4).join(' ')}`;
  // Fields 14 and 15 of proc_pid_stat(5).
  assert.equal(ticksMs(line), (14 + 15) * 10);
});

test('this very process uses CPU and memory', { skip: process.platform !== 'linux' }, () => {
  const before = threadTimes(process.pid);
  // By the CPU clock: on a busy machine time passes without any.
  for (const from = process.cpuUsage().user; process.cpuUsage().user < from + 50_000; );
  const used = usedMs(before, threadTimes(process.pid));
  assert.ok((used.get(process.pid) ?? 0) >= 20, JSON.stringify([...used]));
  assert.ok(residentBytes(process.pid) > 2 ** 20);
});

test('lists of cores as the kernel writes them', () => {
  assert.deepEqual(parseCpuList('0-3,7\n'), [0, 1, 2, 3, 7]);
  assert.deepEqual(parseCpuList('5'), [5]);
  assert.deepEqual(parseCpuList(''), []);
});

const given = { from: 'case', what: 'this over that', unit: 'x', detail: 'figures' } as const;

test('a bar is met at its limit, and missed by what cannot be said', () => {
  const atMost = finding({ ...given, rounds: [1, 1.25, 9], bar: { kind: 'at most', limit: 1.25 } });
  assert.equal(atMost.value, 1.25);
  assert.equal(verdict(atMost), 'PASS');
  assert.equal(verdict({ ...atMost, value: 1.26 }), 'MISS');
  assert.equal(verdict({ value: 0.97, bar: { kind: 'at least', limit: 0.98 } }), 'MISS');
  assert.equal(verdict({ ...atMost, value: Number.NaN }), 'MISS');
  assert.equal(verdict(finding({ ...given, rounds: [1] })), 'none');
});

test('the reports name figure, spread, bar and verdict', () => {
  const one = finding({ ...given, rounds: [1, 2, 3], bar: { kind: 'at most', limit: 1.5 } });
  assert.equal(
    textReport([one]),
    'MISS  this over that: 2.00x (1.00x to 3.00x), wanted at most 1.50x\n      figures\n',
  );
  const effort = { rounds: 3, measureMs: 1000, warmupMs: 1, warmupCalls: 1, memoryCalls: [1, 2] } as const;
  const page = markdownReport(
    SIDE_BY_SIDE_PAGE,
    { findings: [one], tables: [] },
    { machine: 'm', software: 's', cores: 'c', effort },
  );
  assert.match(
    page,
    /\| `case` \| this over that \| at most 1\.50x \| 2\.00x \| 1\.00x to 3\.00x \| MISS \|/,
  );
});
