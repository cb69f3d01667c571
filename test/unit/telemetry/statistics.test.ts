import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Recorder } from '../../../gateway/core/recorder.js';
import { Statistics } from '../../../gateway/telemetry/statistics.js';
import { recordedRun } from '../../support/recorded-run.js';

const timing = { queueMs: 2, inputMs: 0.5, computeMs: 3, outputMs: 0.25, batchRows: 8 };

function setUp(options: { maxVersions?: number } = {}) {
  const told: string[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]): void =>
      void told.push(
        [name, ...args.map((arg) => (typeof arg === 'object' ? JSON.stringify(arg) : arg))].join(' '),
      );
  const next: Recorder = {
    request: note('request'),
    refused: note('refused'),
    batch: note('batch'),
    retried: note('retried'),
    badOutput: note('badOutput'),
    loaded: note('loaded'),
    workerLost: note('workerLost'),
    dropped: note('dropped'),
  };
  const time = { epochMs: 1_700_000_000_000 };
  const statistics = new Statistics(next, { epochMs: () => time.epochMs, ...options });
  return { statistics, told, time };
}

test('answers, failures and runs add up per version, whether anybody else counts or not', () => {
  const statistics = new Statistics(undefined, { epochMs: () => 1_700_000_000_000 });
  statistics.batch(recordedRun({ rows: 8, inputMs: 0.5, computeMs: 3, outputMs: 0.25 }));
  statistics.request('m', 1, 'OK', 10, timing);
  statistics.request('m', 1, 'OK', 20, timing);
  statistics.request('m', 1, 'DEADLINE_EXCEEDED', 5, undefined);
  statistics.batch(recordedRun({ rows: 2 }));
  statistics.batch(recordedRun({ rows: 8, computeMs: 4 }));
  statistics.batch(recordedRun({ version: 2 }));
  assert.deepEqual(statistics.read('m', 1), {
    lastInferenceMs: 1_700_000_000_000,
    inferences: 18,
    executions: 3,
    success: { count: 2, ms: 30 },
    fail: { count: 1, ms: 5 },
    queue: { count: 2, ms: 4 },
    input: { count: 2, ms: 1 },
    compute: { count: 2, ms: 6 },
    output: { count: 2, ms: 0.5 },
    batches: [
      { rows: 2, input: { count: 1, ms: 0 }, compute: { count: 1, ms: 1 }, output: { count: 1, ms: 0 } },
      {
        rows: 8,
        input: { count: 2, ms: 0.5 },
        compute: { count: 2, ms: 7 },
        output: { count: 2, ms: 0.25 },
      },
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
  statistics.batch(recordedRun({ computeMs: 5 }));
  time.epochMs -= 60_000;
  statistics.batch(recordedRun({ computeMs: -3 }));
  statistics.batch(recordedRun({ computeMs: Number.NaN }));
  const { lastInferenceMs, batches } = statistics.read('m', 1);
  assert.equal(lastInferenceMs, 1_700_000_000_000);
  assert.deepEqual(batches[0]?.compute, { count: 3, ms: 5 });
});

test('a version that was unloaded starts afresh and makes room; versions over the limit are left out', () => {
  const { statistics } = setUp({ maxVersions: 1 });
  statistics.batch(recordedRun());
  statistics.batch(recordedRun({ version: 2 }));
  assert.equal(statistics.read('m', 2).executions, 0);
  statistics.forget({ model: 'm', version: 1 });
  statistics.forget({ model: 'm', version: 1 });
  assert.equal(statistics.read('m', 1).executions, 0);
  statistics.batch(recordedRun({ version: 2 }));
  statistics.batch(recordedRun({ version: 3 }));
  assert.equal(statistics.read('m', 2).executions, 1);
  assert.equal(statistics.read('m', 3).executions, 0);
});

test('batch sizes told apart are bounded; the sums count all', () => {
  const { statistics } = setUp();
  for (let rows = 1; rows <= 3000; rows++) statistics.batch(recordedRun({ rows }));
  const { batches, executions } = statistics.read('m', 1);
  assert.equal(batches.length, 1024);
  assert.equal(executions, 3000);
});

test('the recorder behind it is told everything', () => {
  const { statistics, told } = setUp({ maxVersions: 0 });
  statistics.request('m', 1, 'OK', 10, undefined, 77);
  statistics.refused('m', 1, 'queue_full');
  statistics.retried('m', 1, 'fault');
  statistics.badOutput('m', 1, 'nan');
  statistics.loaded('m', 1, 'failed', 7);
  statistics.batch(recordedRun({ rows: 8, computeMs: 3 }));
  statistics.workerLost(1, 'gone');
  statistics.dropped('late_answer');
  assert.deepEqual(told, [
    'request m 1 OK 10  77',
    'refused m 1 queue_full',
    'retried m 1 fault',
    'badOutput m 1 nan',
    'loaded m 1 failed 7',
    `batch ${JSON.stringify(recordedRun({ rows: 8, computeMs: 3 }))}`,
    'workerLost 1 gone',
    'dropped late_answer',
  ]);
});
