import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Reason } from '../../../gateway/core/error.js';
import type { ModelVersion } from '../../../gateway/core/model.js';
import { Metrics } from '../../../gateway/telemetry/metrics.js';
import { Statistics } from '../../../gateway/telemetry/statistics.js';
import { TRITON_METRICS, tritonMetrics } from '../../../gateway/telemetry/triton-metrics.js';
import { deafRecorder, recordedRun } from '../../support/recorded-run.js';

const timing = { queueMs: 2, inputMs: 0.5, computeMs: 3, outputMs: 0.25, batchRows: 8 };

function setUp(versions: ModelVersion[] = [{ model: 'm', version: 1 }]) {
  const statistics = new Statistics(deafRecorder, { epochMs: () => 0 });
  const lanes: (ModelVersion & { queuedRequests: number })[] = [];
  let reads = 0;
  const more = tritonMetrics({
    versions: () => versions,
    statistics: ({ model, version }) => {
      reads++;
      return statistics.read(model, version);
    },
    failures: ({ model, version }) => statistics.failures(model, version),
    pending: () => lanes,
  });
  const metrics = new Metrics({ more });
  const page = async (accept?: string): Promise<Record<string, number>> => {
    const { text } = await metrics.render(accept);
    const lines = text.split('\n').filter((line) => line.startsWith('nv_'));
    return Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.lastIndexOf(' ')),
        Number(line.slice(line.lastIndexOf(' ') + 1)),
      ]),
    );
  };
  return { statistics, lanes, metrics, page, versions, reads: () => reads };
}

const OF = 'model="m",version="1"';

test("Triton's figures of a version: requests, rows, runs, and times in microseconds, each request's in full", async () => {
  const { statistics, lanes, page, reads } = setUp();
  statistics.batch(recordedRun({ rows: 8, inputMs: 0.5, computeMs: 3, outputMs: 0.25 }));
  statistics.request('m', 1, 'OK', 10, timing);
  statistics.request('m', 1, 'OK', 20.0004, timing);
  lanes.push(
    { model: 'm', version: 1, queuedRequests: 5 },
    { model: 'other', version: 1, queuedRequests: 9 },
  );
  assert.deepEqual(await page(), {
    [`nv_inference_request_success{${OF}}`]: 2,
    [`nv_inference_request_failure{${OF},reason="REJECTED"}`]: 0,
    [`nv_inference_request_failure{${OF},reason="CANCELED"}`]: 0,
    [`nv_inference_request_failure{${OF},reason="BACKEND"}`]: 0,
    [`nv_inference_request_failure{${OF},reason="OTHER"}`]: 0,
    [`nv_inference_count{${OF}}`]: 8,
    [`nv_inference_exec_count{${OF}}`]: 1,
    [`nv_inference_request_duration_us{${OF}}`]: 30_000,
    [`nv_inference_queue_duration_us{${OF}}`]: 4000,
    [`nv_inference_compute_input_duration_us{${OF}}`]: 1000,
    [`nv_inference_compute_infer_duration_us{${OF}}`]: 6000,
    [`nv_inference_compute_output_duration_us{${OF}}`]: 500,
    [`nv_inference_pending_request_count{${OF}}`]: 5,
  });
  assert.equal(reads(), 1, 'for a whole page');
  statistics.request('m', 1, 'OK', 1, timing);
  assert.equal((await page())[`nv_inference_request_success{${OF}}`], 3, 'and no longer');
});

test("failures by Triton's reasons: what was refused, given up, failed in the model, and the rest", async () => {
  const { statistics, page } = setUp();
  const fail = (count: number, ...reasons: Reason[]) => {
    for (let i = 0; i < count; i++) statistics.request('m', 1, 'INTERNAL', 1, undefined);
    for (const reason of reasons) statistics.refused('m', 1, reason);
  };
  fail(3, 'queue_full', 'backlog', 'no_worker');
  fail(2, 'cancelled', 'deadline_passed');
  fail(1, 'model_error');
  // One of these has no reason at all.
  fail(3, 'bad_request', 'internal');
  // What was for no version is nobody's.
  statistics.refused('m', 0, 'unknown_model');
  const found = await page();
  const of = (reason: string) => found[`nv_inference_request_failure{${OF},reason="${reason}"}`];
  assert.deepEqual(['REJECTED', 'CANCELED', 'BACKEND', 'OTHER'].map(of), [3, 2, 1, 3]);
});

test('a version that is unloaded takes its series along; one that comes has all of them at zero', async () => {
  const { versions, page } = setUp();
  versions.splice(0, 1, { model: 'next', version: 2 });
  const found = await page();
  assert.equal(Object.keys(found).length, 13);
  for (const [series, value] of Object.entries(found)) {
    assert.match(series, /\{model="next",version="2"/);
    assert.equal(value, 0);
  }
});

test('their names are the same in OpenMetrics, where a counter would be renamed', async () => {
  const { metrics, page } = setUp();
  const accept = 'application/openmetrics-text';
  assert.deepEqual(Object.keys(await page(accept)), Object.keys(await page()));
  const { text } = await metrics.render(accept);
  assert.match(text, /^# TYPE nv_inference_request_success unknown$/m);
  assert.match(text, /^# TYPE nv_inference_pending_request_count gauge$/m);
  assert.match((await metrics.render()).text, /^# TYPE nv_inference_request_success counter$/m);
});

test('without being told to the page has none of them; their help is ours', async () => {
  assert.doesNotMatch((await new Metrics().render()).text, /nv_/);
  for (const { help } of Object.values(TRITON_METRICS)) assert.match(help, /\.$/);
});
