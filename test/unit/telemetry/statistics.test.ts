import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recorder } from '../../../gateway/core/recorder.js';
import { Statistics } from '../../../gateway/telemetry/statistics.js';

const timing = { queueMs: 2, computeMs: 3, batchRows: 8 };

function setUp(options: { maxVersions?: number } = {}) {
  const told: string[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void told.push([name, ...args].join(' '));
  const next: Recorder = {
    request: note('request'),
    refused: note('refused'),
    batch: note('batch'),
    workerLost: note('workerLost'),
    dropped: note('dropped'),
  };
  const time = { epochMs: 1_700_000_000_000 };
  const statistics = new Statistics(next, { epochMs: () => time.epochMs, ...options });
  return { statistics, told, time };
}

test('answers, failures and runs add up per version', () => {
  const { statistics } = setUp();
  statistics.batch('m', 1, 8, 3, 'idle');
  statistics.request('m', 1, 'OK', 10, timing);
  statistics.request('m', 1, 'OK', 20, timing);
  statistics.request('m', 1, 'DEADLINE_EXCEEDED', 5, undefined);
  statistics.batch('m', 1, 2, 1, 'idle');
  statistics.batch('m', 1, 8, 4, 'idle');
  statistics.batch('m', 2, 1, 1, 'idle');
  assert.deepEqual(statistics.read('m', 1), {
    lastInferenceMs: 1_700_000_000_000,
    inferences: 18,
    executions: 3,
    success: { count: 2, ms: 30 },
    fail: { count: 1, ms: 5 },
    queue: { count: 2, ms: 4 },
    compute: { count: 2, ms: 6 },
    batches: [
      { rows: 2, compute: { count: 1, ms: 1 } },
      { rows: 8, compute: { count: 2, ms: 7 } },
    ],
  });
  assert.equal(statistics.read('m', 2).executions, 1);
});

test('a version that nothing was recorded of is all zero; a request without a version is no version’s', () => {
  const { statistics } = setUp();
  statistics.request('m', 0, 'NOT_FOUND', 1, undefined);
  const { lastInferenceMs, executions, fail, batches } = statistics.read('m', 1);
  assert.deepEqual([lastInferenceMs, executions, fail.count, batches], [0, 0, 0, []]);
});

test('nothing goes down: neither by a clock that is set back nor by a time below zero or none', () => {
  const { statistics, time } = setUp();
  statistics.batch('m', 1, 1, 5, 'idle');
  time.epochMs -= 60_000;
  statistics.batch('m', 1, 1, -3, 'idle');
  statistics.batch('m', 1, 1, Number.NaN, 'idle');
  const { lastInferenceMs, batches } = statistics.read('m', 1);
  assert.equal(lastInferenceMs, 1_700_000_000_000);
  assert.deepEqual(batches, [{ rows: 1, compute: { count: 3, ms: 5 } }]);
});

test('a version that was unloaded starts afresh and makes room; versions over the limit are left out', () => {
  const { statistics } = setUp({ maxVersions: 1 });
  statistics.batch('m', 1, 1, 1, 'idle');
  statistics.batch('m', 2, 1, 1, 'idle');
  assert.equal(statistics.read('m', 2).executions, 0);
  statistics.forget({ model: 'm', version: 1 });
  statistics.forget({ model: 'm', version: 1 });
  assert.equal(statistics.read('m', 1).executions, 0);
  statistics.batch('m', 2, 1, 1, 'idle');
  statistics.batch('m', 3, 1, 1, 'idle');
  assert.equal(statistics.read('m', 2).executions, 1);
  assert.equal(statistics.read('m', 3).executions, 0);
});

test('batch sizes told apart are bounded; the sums count all', () => {
  const { statistics } = setUp();
  for (let rows = 1; rows <= 3000; rows++) statistics.batch('m', 1, rows, 1, 'idle');
  const { batches, executions } = statistics.read('m', 1);
  assert.equal(batches.length, 1024);
  assert.equal(executions, 3000);
});

test('the recorder behind it is told everything', () => {
  const { statistics, told } = setUp({ maxVersions: 0 });
  statistics.request('m', 1, 'OK', 10, undefined);
  statistics.refused('m', 'queue_full');
  statistics.batch('m', 1, 8, 3, 'idle');
  statistics.workerLost(1, 'gone');
  statistics.dropped('late_answer');
  assert.deepEqual(told, [
    'request m 1 OK 10 ',
    'refused m queue_full',
    'batch m 1 8 3 idle',
    'workerLost 1 gone',
    'dropped late_answer',
  ]);
});
