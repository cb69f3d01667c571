import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchTrace } from '../../../gateway/core/batch-trace.js';
import { CallTrace, type TracedCall } from '../../../gateway/core/call-trace.js';
import type { SpanIdentity } from '../../../gateway/core/span-identity.js';
import { Metrics } from '../../../gateway/telemetry/metrics.js';
import { recordedRun } from '../../support/recorded-run.js';

const ACCEPT = 'application/openmetrics-text;version=1.0.0';
const SINK = { ended: () => {}, identify: () => spanOf(0) };
const CALL = { startedAt: 0 } as TracedCall;

function spanOf(number: number): SpanIdentity {
  const digit = number.toString(16);
  const [traceId, spanId] = [digit.repeat(32), digit.repeat(16)];
  return { traceId, spanId, parentSpanId: '', remoteParent: false, state: '' };
}

/** A call that was counted so, as the metrics are told of it when its spans are made. */
function counted(model: string, version: number, totalMs: number, queueMs?: number): CallTrace {
  const trace = new CallTrace(SINK, CALL);
  trace.counted(model, version, totalMs, queueMs);
  return trace;
}

/** The lines of the page that begin so, without what they begin with. */
async function lines(metrics: Metrics, start: string, accept = ACCEPT): Promise<string[]> {
  const { text } = await metrics.render(accept);
  return text
    .split('\n')
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length));
}

test('a bucket has the newest of its values whose spans are made, with its trace, the value and when it was', async () => {
  let epochMs = 1_700_000_000_500;
  const metrics = new Metrics({ epochMs: () => epochMs });
  const timing = { queueMs: 2, computeMs: 1, batchRows: 1 };
  for (const ms of [4, 3, 40]) metrics.request('iris', 2, 'OK', ms, timing);
  metrics.called(counted('iris', 2, 4, 2), spanOf(1));
  epochMs += 1000;
  metrics.called(counted('iris', 2, 3, 2), spanOf(2));
  const of = 'model="iris",version="2"';
  assert.deepEqual(await lines(metrics, 'sluice_request_duration_seconds_bucket{le="0.005",'), [
    `${of}} 2 # {trace_id="${'2'.repeat(32)}",span_id="${'2'.repeat(16)}"} 0.003 1700000001.5`,
  ]);
  assert.deepEqual(await lines(metrics, 'sluice_request_queue_duration_seconds_bucket{le="0.0025",'), [
    `${of}} 3 # {trace_id="${'2'.repeat(32)}",span_id="${'2'.repeat(16)}"} 0.002 1700000001.5`,
  ]);
  assert.deepEqual(await lines(metrics, 'sluice_request_duration_seconds_bucket{le="0.05",'), [`${of}} 3`]);
  // Prometheus' own text has no place for them.
  assert.ok(!(await metrics.render()).text.includes('trace_id'));
});

test('the times of a batch lead to the trace that it is in; calls and batches that were not counted are in no bucket', async () => {
  const metrics = new Metrics();
  const batch = new BatchTrace({ model: 'iris', version: 1 }, 'idle', 0, []);
  metrics.ran(batch, spanOf(1));
  metrics.called(new CallTrace(SINK, CALL), spanOf(1));
  metrics.batch(recordedRun({ model: 'iris', inputMs: 0.02, computeMs: 5, outputMs: 0.2 }));
  assert.ok(!(await metrics.render(ACCEPT)).text.includes('trace_id'));
  batch.counted(0.02, 5, 0.2);
  metrics.ran(batch, spanOf(7));
  for (const [name, le, value] of [
    ['input', '2.5e-05', '0.00002'],
    ['compute', '0.005', '0.005'],
    ['output', '0.00025', '0.0002'],
  ]) {
    const [line] = await lines(metrics, `sluice_batch_${name}_duration_seconds_bucket{le="${le}",`);
    assert.match(line ?? '', new RegExp(`\\} 1 # \\{trace_id="7{32}",span_id="7{16}"\\} ${value} `), name);
  }
});

test('a name that a client made up is in no exemplar either: its call is one of _OTHER', async () => {
  const metrics = new Metrics();
  metrics.request('made-up', 0, 'NOT_FOUND', 1, undefined);
  metrics.called(counted('made-up', 0, 1), spanOf(3));
  const { text } = await metrics.render(ACCEPT);
  assert.ok(!text.includes('made-up'));
  assert.match(text, /_bucket\{le="0\.001",model="_OTHER",version=""\} 1 # \{trace_id="3/);
});

test('the page is OpenMetrics: families without _total, samples of counters with it, an end, and nothing after it', async () => {
  const metrics = new Metrics({ readers: { sluice_slots: () => ({ ready: 2 }) } });
  metrics.request('iris', 1, 'OK', 4, undefined, 2000);
  const { text, contentType } = await metrics.render(ACCEPT);
  assert.equal(contentType, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.match(text, /^# TYPE sluice_requests counter$/m);
  assert.match(text, /^sluice_requests_total\{model="iris",version="1",code="OK"\} 1$/m);
  assert.ok(text.endsWith('\n# EOF\n'));
  assert.equal(text.indexOf('# EOF'), text.length - 6);
  assert.ok(!text.includes('\n\n'));
  const seen = new Set<string>();
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm) as Iterable<string[]>) {
    assert.ok(!seen.has(name as string), name);
    seen.add(name as string);
    assert.match(type as string, /^(?:counter|gauge|histogram)$/);
  }
  const sample =
    /^[a-z_]+(?:\{(?:[a-z_]+="(?:[^"\\\n]|\\[\\"n])*",?)*\})? -?[0-9.e+-]+(?: # \{[^}]*\} [0-9.e+-]+ [0-9.]+)?$/;
  for (const line of text.split('\n').filter((line) => line !== '' && !line.startsWith('# ')))
    assert.match(line, sample);
});

test('both formats say the same of the same metrics', async () => {
  const metrics = new Metrics();
  metrics.request('iris', 1, 'OK', 4, undefined, 2000);
  metrics.batch(recordedRun({ model: 'iris' }));
  const told = (text: string) =>
    [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels, value]) => {
      const le = labels?.replace(/le="([^"]*)"/, (_, bound: string) => `le="${Number(bound)}"`);
      return [name, le, value];
    });
  assert.deepEqual(told((await metrics.render(ACCEPT)).text), told((await metrics.render()).text));
});

test('a long page gives way to what else there is to do, again and again, and is whole; who asks meanwhile gets the next', async () => {
  const metrics = new Metrics();
  for (let i = 0; i < 100; i++) metrics.request(`model-${i}`, 1, 'OK', 4, undefined, 2000);
  for (let i = 0; i < 100; i++) metrics.batch(recordedRun({ model: `model-${i}` }));
  let turns = 0;
  let done = false;
  const page = metrics.render().finally(() => {
    done = true;
  });
  let next: ReturnType<typeof metrics.render> | undefined;
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
    if (turns === 3) {
      metrics.request('late', 1, 'OK', 4, undefined);
      next = metrics.render();
    }
  }
  assert.ok(turns > 4, `${turns} turns`);
  const count = (text: string) => text.match(/^sluice_batch_rows_count\{/gm)?.length;
  assert.equal(count((await page).text), 100);
  assert.match((await next)?.text ?? '', /^sluice_requests_total\{model="late"/m);
});

test('whoever asks in one turn shares a page; who asks in the next sees what was counted since', async () => {
  let reads = 0;
  const metrics = new Metrics({ readers: { sluice_queue_rows: () => ++reads } });
  const pages = await Promise.all(Array.from({ length: 100 }, () => metrics.render()));
  assert.equal(reads, 1);
  assert.equal(new Set(pages).size, 1);
  const first = metrics.render();
  metrics.request('iris', 1, 'OK', 4, undefined);
  assert.match((await first).text, /^sluice_requests_total\{.*\} 1$/m);
  metrics.request('iris', 1, 'OK', 4, undefined);
  assert.match((await metrics.render()).text, /^sluice_requests_total\{.*\} 2$/m);
});
