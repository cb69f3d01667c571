import assert from 'node:assert/strict';
import { test } from 'node:test';
import { METRICS } from '../../../gateway/telemetry/metric-table.js';
import { Metrics } from '../../../gateway/telemetry/metrics.js';
import { recordedRun } from '../../support/recorded-run.js';

const timing = { queueMs: 3, computeMs: 2, batchRows: 4 };

/** The value of one line of the page; undefined where there is none. */
async function value(metrics: Metrics, series: string): Promise<number | undefined> {
  const line = (await metrics.render()).text.split('\n').find((text) => text.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

test('requests count by model, version and code, and their time goes into buckets', async () => {
  const metrics = new Metrics();
  metrics.request('iris', 2, 'OK', 4, timing, 5000);
  metrics.request('iris', 2, 'OK', 40, timing);
  metrics.request('iris', 2, 'DEADLINE_EXCEEDED', 1000, undefined);
  assert.equal(await value(metrics, 'sluice_requests_total{code="OK",model="iris",version="2"}'), undefined);
  assert.equal(await value(metrics, 'sluice_requests_total{model="iris",version="2",code="OK"}'), 2);
  assert.equal(
    await value(metrics, 'sluice_requests_total{model="iris",version="2",code="DEADLINE_EXCEEDED"}'),
    1,
  );
  const duration = 'sluice_request_duration_seconds';
  const of = 'model="iris",version="2"';
  assert.equal(await value(metrics, `${duration}_bucket{le="0.0025",${of}}`), 0);
  assert.equal(await value(metrics, `${duration}_bucket{le="0.005",${of}}`), 1);
  assert.equal(await value(metrics, `${duration}_bucket{le="0.05",${of}}`), 2);
  // An upper bound belongs to its bucket.
  assert.equal(await value(metrics, `${duration}_bucket{le="1",${of}}`), 3);
  assert.equal(await value(metrics, `${duration}_bucket{le="+Inf",${of}}`), 3);
  assert.equal(await value(metrics, `${duration}_count{${of}}`), 3);
  assert.ok(Math.abs(((await value(metrics, `${duration}_sum{${of}}`)) ?? 0) - 1.044) < 1e-9);
  assert.equal(await value(metrics, `sluice_request_bytes_bucket{le="16384",${of}}`), 1);
  assert.equal(await value(metrics, `sluice_request_bytes_sum{${of}}`), 5000);
  // Only answered requests have waited for a batch to the end.
  assert.equal(await value(metrics, `sluice_request_queue_duration_seconds_count{${of}}`), 2);
});

test('batches, refusals, lost workers and dropped answers count', async () => {
  const metrics = new Metrics({ readers: { sluice_log_lines_dropped_total: () => 7 } });
  metrics.batch(recordedRun({ model: 'iris', rows: 3, computeMs: 5 }));
  metrics.batch(recordedRun({ model: 'iris', rows: 5000, computeMs: 5 }));
  metrics.refused('iris', 1, 'queue_full');
  metrics.workerLost(0, 'exit 3');
  metrics.workerLost(0, 'heap');
  metrics.dropped('late_answer');
  const of = 'model="iris",version="1"';
  assert.equal(await value(metrics, `sluice_batch_rows_bucket{le="4",${of}}`), 1);
  assert.equal(await value(metrics, `sluice_batch_rows_bucket{le="4096",${of}}`), 1);
  assert.equal(await value(metrics, `sluice_batch_rows_bucket{le="+Inf",${of}}`), 2);
  assert.equal(await value(metrics, `sluice_batch_rows_sum{${of}}`), 5003);
  assert.equal(await value(metrics, `sluice_batch_compute_duration_seconds_count{${of}}`), 2);
  assert.equal(
    await value(metrics, 'sluice_requests_refused_total{model="iris",version="1",reason="queue_full"}'),
    1,
  );
  assert.equal(await value(metrics, 'sluice_workers_lost_total{slot="0"}'), 2);
  assert.equal(await value(metrics, 'sluice_answers_dropped_total{kind="late_answer"}'), 1);
  assert.equal(await value(metrics, 'sluice_log_lines_dropped_total'), 7);
});

test('H108 a thousand made-up model names make one label, _OTHER', async () => {
  const metrics = new Metrics();
  for (let i = 0; i < 1000; i++) {
    metrics.request(`made-up-${i}`, 0, 'NOT_FOUND', 1, undefined);
    metrics.refused(`made-up-${i}`, 0, 'unknown_model');
  }
  const { text: page } = await metrics.render();
  assert.deepEqual([...new Set(page.match(/model="[^"]*"/g))], ['model="_OTHER"']);
  assert.equal(
    await value(metrics, 'sluice_requests_total{model="_OTHER",version="",code="NOT_FOUND"}'),
    1000,
  );
  assert.equal(
    await value(metrics, 'sluice_requests_refused_total{model="_OTHER",version="",reason="unknown_model"}'),
    1000,
  );
});

test('a declared model is known before its first answer; the bound on models and versions holds', async () => {
  const metrics = new Metrics({ maxModels: 2, maxVersions: 2 });
  metrics.declareModel('a');
  metrics.refused('a', 0, 'no_worker');
  assert.equal(
    await value(metrics, 'sluice_requests_refused_total{model="a",version="",reason="no_worker"}'),
    1,
  );
  for (const model of ['b', 'c', 'd']) metrics.batch(recordedRun({ model }));
  assert.equal(await value(metrics, 'sluice_batch_rows_count{model="b",version="1"}'), 1);
  assert.equal(await value(metrics, 'sluice_batch_rows_count{model="_OTHER",version="1"}'), 2);
  for (let version = 1; version <= 9; version++) metrics.request('a', version, 'OK', 1, timing);
  assert.equal(await value(metrics, 'sluice_requests_total{model="a",version="2",code="OK"}'), 1);
  assert.equal(await value(metrics, 'sluice_requests_total{model="a",version="_OTHER",code="OK"}'), 7);
  // What was not resolved is told apart from what is beyond the bound.
  metrics.request('a', 0, 'UNAVAILABLE', 1, undefined);
  assert.equal(await value(metrics, 'sluice_requests_total{model="a",version="",code="UNAVAILABLE"}'), 1);
});

test('a model called _OTHER makes no series twice', async () => {
  const metrics = new Metrics();
  metrics.request('_OTHER', 1, 'OK', 1, timing);
  metrics.request('unknown', 0, 'NOT_FOUND', 1, undefined);
  metrics.batch(recordedRun({ model: '_OTHER' }));
  const series = (await metrics.render()).text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const names = series.map((line) => line.slice(0, line.lastIndexOf(' ')));
  assert.equal(new Set(names).size, names.length);
});

test('gauges are read at the scrape; one that fails is left out and the page stands', async () => {
  let rows = 1;
  const metrics = new Metrics({
    readers: {
      sluice_trace_spans_total: () => ({ exported: 3 }),
      sluice_queue_rows: () => rows,
      sluice_slots: () => ({ ready: 2, dead: 0 }),
      sluice_calls_in_flight: () => {
        throw new Error('no');
      },
    },
  });
  assert.equal(await value(metrics, 'sluice_queue_rows'), 1);
  rows = 5;
  assert.equal(await value(metrics, 'sluice_queue_rows'), 5);
  assert.equal(await value(metrics, 'sluice_slots{state="ready"}'), 2);
  assert.equal(await value(metrics, 'sluice_slots{state="dead"}'), 0);
  assert.equal(await value(metrics, 'sluice_calls_in_flight'), undefined);
  assert.equal(await value(metrics, 'sluice_trace_spans_total{outcome="exported"}'), 3);
});

test('a time that is no number or negative spoils nothing', async () => {
  const metrics = new Metrics();
  metrics.batch(recordedRun({ computeMs: Number.NaN }));
  metrics.batch(recordedRun({ computeMs: -0.5 }));
  metrics.batch(recordedRun({ computeMs: 1000 }));
  assert.equal(await value(metrics, 'sluice_batch_compute_duration_seconds_sum{model="m",version="1"}'), 1);
});

test('label values are escaped, and the page is in the text format with help and type', async () => {
  const metrics = new Metrics();
  metrics.batch(recordedRun({ model: 'a"b\\c\nd' }));
  const { text: page, contentType } = await metrics.render();
  assert.match(page, /^sluice_batch_rows_count\{model="a\\"b\\\\c\\nd",version="1"\} 1$/m);
  assert.match(page, /^# HELP sluice_batch_rows Rows of a batch/m);
  assert.match(page, /^# TYPE sluice_batch_rows histogram$/m);
  assert.match(contentType, /^text\/plain; version=0\.0\.4/);
});

test('all that the operators of a model server ask for has a metric, by model and version where it is of one', () => {
  const perVersion = [
    ...['request_duration_seconds', 'request_queue_duration_seconds', 'batch_input_duration_seconds'],
    ...['batch_compute_duration_seconds', 'batch_output_duration_seconds', 'request_rows', 'batch_rows'],
    ...[
      'batch_requests',
      'batches_closed_total',
      'requests_total',
      'requests_refused_total',
      'batch_retries_total',
    ],
    ...['model_version_state', 'model_loads_total', 'model_load_duration_seconds', 'model_info'],
  ];
  const others = [
    ...[
      'slots',
      'slot_restarts_total',
      'model_versions',
      'model_rollbacks_total',
      'event_loop_delay_seconds',
    ],
    ...['process_memory_bytes', 'memory_limit_bytes', 'cpu_throttled_seconds_total', 'saturation_ratio'],
    ...['saturation_part_ratio', 'build_info'],
  ];
  const table: Readonly<Record<string, { readonly labels: readonly string[] }>> = METRICS;
  for (const name of perVersion)
    assert.deepEqual(table[`sluice_${name}`]?.labels.slice(0, 2), ['model', 'version'], name);
  for (const name of others) assert.ok(table[`sluice_${name}`], name);
  assert.ok(table['sluice_model_info']?.labels.includes('sha256'));
});

test('every name in the table follows the rules of Prometheus', () => {
  for (const [name, spec] of Object.entries(METRICS)) {
    assert.match(name, /^sluice_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), spec.type === 'counter', name);
    if (spec.unit === 'seconds' || spec.unit === 'bytes')
      assert.ok(name.replace(/_total$/, '').endsWith(`_${spec.unit}`), name);
    if (spec.type === 'histogram') {
      const sorted = [...spec.buckets].sort((a, b) => a - b);
      assert.deepEqual([...spec.buckets], sorted);
    }
    assert.match(spec.help, /\.$/);
  }
});
